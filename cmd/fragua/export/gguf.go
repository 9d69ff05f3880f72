package export

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"fragua/model"
	"fragua/model/gguf"
	"fragua/tokenize"
	"fragua/tokenize/chat"
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
	template, err := chat.Source(from)
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
