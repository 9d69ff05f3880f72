package serve

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"fragua/finetune"
	"fragua/model"
	"fragua/pipeline/fault"
	"fragua/tokenize"
	"fragua/tokenize/chat"
)

// A Model is one that is served: a language model, an encoder, or a fine-tuned predictor.
type Model struct {
	Name string

	tok       *tokenize.Tokenizer
	lm        model.LanguageModel
	encoder   model.Model
	pooling   model.Pooling
	predictor *finetune.Predictor
	template  *chat.Template // nil: it holds none
	engine    *engine
	mu        sync.Mutex // of encoder and predictor
}

// Open reads a model: NAME=PATH, or a path whose last part is the name. weights are as
// model.Quantize has them, and are for language models. adapter is a folder as PEFT writes it, which
// is added to the weights; "": none.
func Open(arg, weights, adapter string) (*Model, error) {
	name, path, ok := strings.Cut(arg, "=")
	if !ok {
		path = arg
		name = strings.TrimSuffix(filepath.Base(filepath.Clean(path)), ".gguf")
	}
	m := &Model{Name: name}
	b, err := os.ReadFile(filepath.Join(path, model.ConfigFile))
	if err == nil && adapter == "" && strings.Contains(string(b), `"fragua"`) {
		if m.predictor, err = finetune.OpenPredictor(path); err != nil {
			return nil, err
		}
		if m.predictor.Goal() != "instruction" {
			return m, nil
		}
		m.predictor = nil // it is a language model that chats by its own template
	}
	net, err := model.Open(path)
	if err != nil {
		return nil, err
	}
	if m.tok, err = tokenize.Load(path); err != nil {
		return nil, err
	}
	if m.tok.VocabSize() > net.Vocab() {
		return nil, fmt.Errorf("%s: the tokenizer has %d ids, the model only %d", path, m.tok.VocabSize(), net.Vocab())
	}
	m.pooling = model.Pooling{Mode: "mean", Normalize: true}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if p, ok, err := model.OpenPooling(path); err != nil {
			return nil, err
		} else if ok {
			m.pooling = p
		}
	}
	lm, ok := net.(model.LanguageModel)
	if _, reads := net.(model.Seq2Seq); reads {
		return nil, fault.Hintf(fmt.Errorf("%s reads one text and writes another; only fine-tuned ones are served", path), "fragua finetune makes one")
	}
	if !ok {
		if weights != "f32" {
			return nil, fmt.Errorf("%s is an encoder, which has no weights of %s", path, weights)
		}
		m.encoder = net
		return m, nil
	}
	m.lm = lm
	if adapter != "" {
		if _, heads, err := model.OpenAdapter(lm, adapter); err != nil {
			return nil, err
		} else if len(heads) > 0 {
			return nil, fmt.Errorf("%s was trained with a head that names classes; the model that the fine-tuning saved can be served", adapter)
		}
		model.MergeAdapters(lm)
	}
	if m.template, err = chat.Open(path, m.tok); err != nil {
		return nil, err
	}
	if weights == "f32" {
		m.encoder = net // its states make embeddings
	}
	return m, model.Quantize(lm, weights)
}

// A message is a turn of a chat.
type message struct {
	Role    string `json:"role"`
	Content any    `json:"content"`
}

// text is what a message says: a text, or parts that are texts.
func (m message) text() (string, error) {
	switch c := m.Content.(type) {
	case string:
		return c, nil
	case []any:
		var b strings.Builder
		for _, p := range c {
			o, _ := p.(map[string]any)
			s, ok := o["text"].(string)
			if o["type"] != "text" || !ok {
				return "", errors.New("a message holds a part that is no text; the model reads texts only")
			}
			b.WriteString(s)
		}
		return b.String(), nil
	}
	return "", errors.New("a message has no content")
}

// chat writes messages as the model's template does, up to where the assistant speaks.
func (m *Model) chat(messages []message) (string, error) {
	if m.template == nil {
		return "", errors.New("the model has no chat template; ask /v1/completions")
	}
	var turns []chat.Message
	for _, x := range messages {
		text, err := x.text()
		if err != nil {
			return "", err
		}
		turns = append(turns, chat.Message{Role: x.Role, Content: text})
	}
	return m.template.Render(turns, true)
}
