package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ardanlabs/jinja"

	"fragua/model/gguf"
	"fragua/tokenize"
)

// TemplateFile is where a model's folder keeps its template.
const TemplateFile = "chat_template.jinja"

// A Message is a turn of a conversation.
type Message struct {
	Role    string `parquet:"role,dict"` // system, user or assistant
	Content string `parquet:"content,zstd"`
	Masked  bool   `parquet:"masked"` // read and never learned, though the assistant says it
}

// The roles.
const (
	System    = "system"
	User      = "user"
	Assistant = "assistant"
)

// A Template writes conversations. It is safe for concurrent use.
type Template struct {
	Source   string
	compiled *jinja.Template
	bos, eos string
	special  []string // tokens that may end a turn
}

// Open reads the template of a model's folder or GGUF file; nil where it has none.
func Open(path string, tok *tokenize.Tokenizer) (*Template, error) {
	source, err := Source(path)
	if err != nil || source == "" {
		return nil, err
	}
	return Parse(source, path, tok)
}

// Parse compiles a template for the model in a folder or GGUF file, whose bos_token and eos_token
// it may write. An error names the line of the template.
func Parse(source, path string, tok *tokenize.Tokenizer) (*Template, error) {
	t, err := parse(source)
	if err != nil {
		return nil, fmt.Errorf("%s: its chat template: %w", path, err)
	}
	if t.bos, t.eos, err = ends(path, tok); err != nil {
		return nil, err
	}
	for _, a := range tok.Added() {
		if a.Special {
			t.special = append(t.special, a.Content)
		}
	}
	if id := tok.EndOfText(); id >= 0 {
		s, _ := tok.Token(id)
		t.special = append(t.special, s)
	}
	return t, nil
}

func parse(source string) (t *Template, err error) {
	defer recovered(&err)
	compiled, err := jinja.Compile(source)
	return &Template{Source: source, compiled: compiled}, err
}

// For is a template for a tokenizer whose model has none: fragua's own tokens <|user|> and
// <|assistant|> where it has them, words else. Each turn ends in the token that ends a text.
func For(path string, tok *tokenize.Tokenizer) (*Template, error) {
	_, user := tok.ID("<|user|>")
	_, assistant := tok.ID("<|assistant|>")
	source := `{% for m in messages %}{{ m.role | capitalize + ': ' + m.content + eos_token + '\n' }}{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}`
	if user && assistant {
		source = `{% for m in messages %}{{ (m.content + '\n\n') if m.role == 'system' else '<|' + m.role + '|>' + m.content + eos_token }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}`
	}
	return Parse(source, path, tok)
}

// Render writes a conversation; prompt: up to where the assistant speaks. What the template refuses
// with raise_exception is an error.
func (t *Template) Render(messages []Message, prompt bool) (text string, err error) {
	defer recovered(&err)
	list := make([]any, len(messages))
	for i, m := range messages {
		list[i] = map[string]any{"role": m.Role, "content": m.Content}
	}
	text, err = t.compiled.Render(map[string]any{"messages": list, "add_generation_prompt": prompt, "bos_token": t.bos, "eos_token": t.eos})
	if err != nil {
		return "", fmt.Errorf("the chat template: %w", err)
	}
	return text, nil
}

// recovered makes an error of a panic in the library: templates come from anywhere.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the chat template cannot be evaluated: %v", r)
	}
}

// Source is the Jinja template of a model's folder or GGUF file, "" if there is none.
func Source(path string) (string, error) {
	if file := ggufFile(path); file != "" {
		f, err := gguf.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		s, _ := f.Meta["tokenizer.chat_template"].(string)
		return s, nil
	}
	b, err := os.ReadFile(filepath.Join(path, TemplateFile))
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return string(b), err
	}
	var c struct {
		Template any `json:"chat_template"`
	}
	if err := readJSON(filepath.Join(path, "tokenizer_config.json"), &c); err != nil {
		return "", err
	}
	switch t := c.Template.(type) {
	case string:
		return t, nil
	case []any: // of several the one that is named default
		for _, x := range t {
			if o, ok := x.(map[string]any); ok && o["name"] == "default" {
				s, _ := o["template"].(string)
				return s, nil
			}
		}
	}
	return "", nil
}

// ggufFile is the path itself, or the GGUF file of a folder that holds no tokenizer.json; "": there is none.
func ggufFile(path string) string {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return path
	}
	if _, err := os.Stat(filepath.Join(path, "tokenizer.json")); err == nil {
		return ""
	}
	entries, _ := os.ReadDir(path) // what reads the folder next says why it cannot be read
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".gguf") {
			return filepath.Join(path, e.Name())
		}
	}
	return ""
}

// ends are bos_token and eos_token as transformers gives them to a template: those of
// tokenizer_config.json, or of the GGUF file, or else what ends a text.
func ends(path string, tok *tokenize.Tokenizer) (bos, eos string, err error) {
	if id := tok.EndOfText(); id >= 0 {
		eos, _ = tok.Token(id)
	}
	if file := ggufFile(path); file != "" {
		f, err := gguf.Open(file)
		if err != nil {
			return "", "", err
		}
		defer f.Close()
		for key, to := range map[string]*string{"bos": &bos, "eos": &eos} {
			if id, ok := f.Meta["tokenizer.ggml."+key+"_token_id"].(int64); ok {
				*to, _ = tok.Token(int32(id))
			}
		}
		return bos, eos, nil
	}
	var c map[string]json.RawMessage
	if err := readJSON(filepath.Join(path, "tokenizer_config.json"), &c); err != nil {
		return "", "", err
	}
	for key, to := range map[string]*string{"bos_token": &bos, "eos_token": &eos} {
		var token struct{ Content string }
		if json.Unmarshal(c[key], to) != nil && json.Unmarshal(c[key], &token) == nil {
			*to = token.Content
		}
	}
	return bos, eos, nil
}

// readJSON reads a file that may be missing.
func readJSON(name string, v any) error {
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
