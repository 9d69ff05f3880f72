package tokenize

import (
	"bytes"
	"encoding/json"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// Save writes the tokenizer.json that Hugging Face tokenizers loads, or a rank file
// if the name ends in .tiktoken. The file appears whole or not at all.
func (t *Tokenizer) Save(path string) error {
	write := t.JSON
	if strings.HasSuffix(path, ".tiktoken") {
		write = t.ranks
	}
	data, err := write()
	if err != nil {
		return &fault.RowError{File: path, Row: -1, Err: err}
	}
	return saveBytes(path, data)
}

func saveBytes(path string, data []byte) error {
	return store.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// JSON returns the bytes of tokenizer.json. A tokenizer that was loaded keeps
// every part of its file, also those that have no effect here.
func (t *Tokenizer) JSON() ([]byte, error) {
	parts := t.json
	var err error
	if parts.Model, err = t.modelJSON(); err != nil {
		return nil, err
	}
	if parts.Version == "" {
		parts.Version = "1.0"
	}
	if parts.AddedTokens == nil {
		parts.AddedTokens = []AddedToken{}
	}
	for _, p := range []*json.RawMessage{&parts.Truncation, &parts.Padding, &parts.Normalizer, &parts.PreTokenizer, &parts.PostProcessor, &parts.Decoder} {
		if !given(*p) {
			*p = json.RawMessage("null")
		}
	}
	return indented(parts)
}

// modelJSON returns the model as tokenizer.json has it.
func (t *Tokenizer) modelJSON() (json.RawMessage, error) {
	if t.source == nil {
		return t.json.Model, nil
	}
	return compact(t.source())
}

// bpeParts returns vocabulary and merges as tokenizer.json has them; false if the
// model is none of BPE.
func (t *Tokenizer) bpeParts() (m jsonBPE, ok bool) {
	if t.source != nil {
		return t.source(), true
	}
	err := json.Unmarshal(t.json.Model, &m)
	return m, err == nil && m.Type == "BPE"
}

// indented returns v as JSON of two spaces a level, < and > as they are.
func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

// compact is indented without spaces and line ends.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// A jsonVocab is written in the order of the ids.
type jsonVocab map[string]int32

func (v jsonVocab) MarshalJSON() ([]byte, error) {
	tokens := make([]string, 0, len(v))
	for token := range v {
		tokens = append(tokens, token)
	}
	slices.SortFunc(tokens, func(a, b string) int { return int(v[a]) - int(v[b]) })
	out := []byte{'{'}
	for i, token := range tokens {
		if i > 0 {
			out = append(out, ',')
		}
		key, err := compact(token)
		if err != nil {
			return nil, err
		}
		id, _ := json.Marshal(v[token])
		out = append(append(append(out, key...), ':'), id...)
	}
	return append(out, '}'), nil
}

// SaveAll writes into a directory what the libraries of Hugging Face look for:
// tokenizer.json, vocab.json, merges.txt, tokenizer_config.json and
// special_tokens_map.json. Models other than BPE have no merges.txt.
func (t *Tokenizer) SaveAll(dir string) error {
	if err := t.Save(filepath.Join(dir, "tokenizer.json")); err != nil {
		return err
	}
	if m, ok := t.bpeParts(); ok {
		vocab, err := compact(m.Vocab)
		if err != nil {
			return err
		}
		if err := saveBytes(filepath.Join(dir, "vocab.json"), vocab); err != nil {
			return err
		}
		merges := []byte("#version: 0.2\n")
		for _, p := range m.Merges {
			merges = append(append(append(append(merges, p[0]...), ' '), p[1]...), '\n')
		}
		if err := saveBytes(filepath.Join(dir, "merges.txt"), merges); err != nil {
			return err
		}
	}
	roles := t.roles()
	class := "PreTrainedTokenizerFast"
	decoder := map[string]any{}
	for _, a := range t.added {
		decoder[strconv.Itoa(int(a.ID))] = map[string]any{ // without the id, which is the key
			"content": a.Content, "single_word": a.SingleWord, "lstrip": a.LStrip, "rstrip": a.RStrip, "normalized": a.Normalized, "special": a.Special,
		}
	}
	config := map[string]any{
		"tokenizer_class":              class,
		"added_tokens_decoder":         decoder,
		"clean_up_tokenization_spaces": false,
		"model_max_length":             1 << 30,
	}
	special := map[string]any{}
	for role, token := range roles {
		config[role], special[role] = token, token
	}
	var more []string
	for _, a := range t.added {
		if a.Special && !slices.Contains([]string{roles["eos_token"], roles["pad_token"], roles["unk_token"]}, a.Content) {
			more = append(more, a.Content)
		}
	}
	if len(more) > 0 {
		config["additional_special_tokens"], special["additional_special_tokens"] = more, more
	}
	for name, v := range map[string]any{"tokenizer_config.json": config, "special_tokens_map.json": special} {
		data, err := indented(v)
		if err != nil {
			return err
		}
		if err := saveBytes(filepath.Join(dir, name), data); err != nil {
			return err
		}
	}
	return nil
}

// roles says which special token is which, in the terms of transformers.
func (t *Tokenizer) roles() map[string]string {
	out := map[string]string{}
	if id := t.EndOfText(); id >= 0 {
		out["eos_token"], out["bos_token"] = t.tokens[id], t.tokens[id]
	}
	for role, names := range map[string][]string{
		"pad_token": {"<|pad|>", "<pad>", "[PAD]"},
		"unk_token": {"<unk>", "[UNK]"},
		"bos_token": {"<s>", "<bos>", "[CLS]", "<|begin_of_text|>"},
	} {
		for _, name := range names {
			if _, ok := t.ids[name]; ok {
				out[role] = name
				break
			}
		}
	}
	return out
}
