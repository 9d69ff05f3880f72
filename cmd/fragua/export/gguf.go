package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"fragua/model"
	"fragua/model/gguf"
	"fragua/tokenize"
)

// GGUF writes a file for llama.cpp with the model's tokenizer and chat template. notes say in what
// llama.cpp will differ.
func GGUF(from, to, kind string) (notes []string, err error) {
	m, err := model.OpenLanguageModel(from)
	if err != nil {
		return nil, err
	}
	tok, err := tokenize.Load(from)
	if err != nil {
		return nil, err
	}
	keys, note, err := tok.GGUFKeys(m.Vocab())
	if err != nil {
		return nil, err
	}
	if note != "" {
		notes = append(notes, note)
	}
	for _, id := range model.Ends(m) {
		keys["tokenizer.ggml.eos_token_id"] = uint32(id)
		break
	}
	keys["general.name"] = filepath.Base(filepath.Clean(from))
	template, err := ChatTemplate(from)
	if err != nil {
		return nil, err
	}
	if template != "" {
		keys["tokenizer.chat_template"] = template
	}
	return notes, model.SaveGGUF(to, m, kind, keys)
}

// Ollama writes a GGUF file and a Modelfile beside it: `ollama create NAME -f Modelfile`.
func Ollama(from, to, kind string) (notes []string, err error) {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return nil, err
	}
	if notes, err = GGUF(from, filepath.Join(to, "model.gguf"), kind); err != nil {
		return nil, err
	}
	f, err := gguf.Open(filepath.Join(to, "model.gguf"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b strings.Builder
	b.WriteString("FROM ./model.gguf\n")
	if arch, ok := f.Meta["general.architecture"].(string); ok {
		if n, ok := f.Meta[arch+".context_length"].(int64); ok {
			fmt.Fprintf(&b, "PARAMETER num_ctx %d\n", n)
		}
	}
	if tokens, ok := f.Meta["tokenizer.ggml.tokens"].([]any); ok {
		if id, ok := f.Meta["tokenizer.ggml.eos_token_id"].(int64); ok && int(id) < len(tokens) {
			fmt.Fprintf(&b, "PARAMETER stop %q\n", tokens[id])
		}
	}
	if _, chats := f.Meta["tokenizer.chat_template"]; !chats {
		b.WriteString("TEMPLATE \"\"\"{{ .Prompt }}\"\"\"\n") // it goes on with a text
	}
	return notes, writeBytes(filepath.Join(to, "Modelfile"), []byte(b.String()))
}

// ChatTemplate is the Jinja template of a model's folder or GGUF file, "" if there is none.
func ChatTemplate(path string) (string, error) {
	file, err := model.GGUFFile(path)
	if err != nil {
		return "", err
	}
	if file != "" {
		f, err := gguf.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		s, _ := f.Meta["tokenizer.chat_template"].(string)
		return s, nil
	}
	b, err := os.ReadFile(filepath.Join(path, "chat_template.jinja"))
	if err == nil {
		return string(b), nil
	}
	if b, err = os.ReadFile(filepath.Join(path, "tokenizer_config.json")); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	var c struct {
		Template any `json:"chat_template"`
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return "", fmt.Errorf("%s: %w", filepath.Join(path, "tokenizer_config.json"), err)
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
