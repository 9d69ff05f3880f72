package tokenize

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// Load reads a tokenizer: a tokenizer.json as Hugging Face writes it, a rank file
// of tiktoken (.tiktoken), a vocab.json or encoder.json or merges.txt or vocab.bpe
// with its companion beside it, a GGUF file, or a directory that holds one of these.
func Load(path string) (*Tokenizer, error) {
	info, err := store.Stat(path)
	if err != nil {
		return nil, fault.Hintf(err, "name a tokenizer.json, a .tiktoken file, or a vocab.json with merges.txt beside it")
	}
	if info.Dir {
		if path, err = store.FetchFolder(context.Background(), path); err != nil {
			return nil, err
		}
		for _, name := range []string{"tokenizer.json", "vocab.json", "encoder.json", "*.gguf"} {
			if found, err := filepath.Glob(filepath.Join(globQuote(path), name)); err == nil && len(found) > 0 {
				return Load(found[0])
			}
		}
		return nil, fault.Hintf(fmt.Errorf("%s: holds no tokenizer", path), "it should hold tokenizer.json, or vocab.json and merges.txt")
	}
	if strings.HasSuffix(path, ".gguf") {
		return loadGGUF(path)
	}
	t, err := load(path)
	if err != nil {
		return nil, &fault.RowError{File: path, Row: -1, Err: err}
	}
	return t, nil
}

// globQuote makes a pattern that matches a path alone.
func globQuote(path string) string {
	return strings.NewReplacer(`*`, `[*]`, `?`, `[?]`, `[`, `[[]`).Replace(path)
}

func load(path string) (*Tokenizer, error) {
	data, err := store.ReadFile(path)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	switch base := filepath.Base(path); {
	case strings.HasSuffix(base, ".tiktoken"):
		return parseTiktoken(data, patternForRanks(base))
	case base == "vocab.json" || base == "encoder.json":
		for _, name := range []string{"merges.txt", "vocab.bpe"} {
			merges, err := os.ReadFile(filepath.Join(dir, name))
			if err == nil {
				return parseVocabMerges(data, merges)
			} else if !errors.Is(err, os.ErrNotExist) {
				return nil, err
			}
		}
		return nil, fault.Hintf(errors.New("its merges are missing"), "put merges.txt beside it, or name a tokenizer.json")
	case base == "merges.txt" || base == "vocab.bpe":
		for _, name := range []string{"vocab.json", "encoder.json"} {
			vocab, err := os.ReadFile(filepath.Join(dir, name))
			if err == nil {
				return parseVocabMerges(vocab, data)
			} else if !errors.Is(err, os.ErrNotExist) {
				return nil, err
			}
		}
		return nil, fault.Hintf(errors.New("its vocabulary is missing"), "put vocab.json beside it, or name a tokenizer.json")
	}
	return Parse(data)
}

// fileParts are the parts of a tokenizer.json, kept as they were read.
type fileParts struct {
	Version       string          `json:"version"`
	Truncation    json.RawMessage `json:"truncation"`
	Padding       json.RawMessage `json:"padding"`
	AddedTokens   []AddedToken    `json:"added_tokens"`
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor"`
	Decoder       json.RawMessage `json:"decoder"`
	Model         json.RawMessage `json:"model"`
}

func given(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// Parse reads the bytes of a tokenizer.json.
func Parse(data []byte) (*Tokenizer, error) {
	t := new(Tokenizer)
	if err := json.Unmarshal(data, &t.json); err != nil {
		return nil, fault.Hintf(err, "a tokenizer.json is expected, as Hugging Face tokenizers writes it")
	}
	if !given(t.json.Model) {
		return nil, fault.Hintf(errors.New("there is no model in it"), "a tokenizer.json is expected, as Hugging Face tokenizers writes it")
	}
	if err := t.assemble(func() error { return t.readModel(t.json.Model) }); err != nil {
		return nil, err
	}
	return t, nil
}

// assemble makes the parts that t.json describes, the model by setModel.
func (t *Tokenizer) assemble(setModel func() error) error {
	var err error
	if given(t.json.Normalizer) {
		if t.norm, err = t.readNorm(t.json.Normalizer); err != nil {
			return err
		}
	}
	if given(t.json.PreTokenizer) {
		if t.pre, err = t.readPre(t.json.PreTokenizer); err != nil {
			return err
		}
	}
	if given(t.json.PostProcessor) {
		if t.post, err = readTemplate(t.json.PostProcessor); err != nil {
			return err
		}
	}
	if given(t.json.Decoder) {
		if t.dec, err = readDecoder(t.json.Decoder); err != nil {
			return err
		}
	}
	if bytes, _ := t.byteLevel(); !given(t.json.Decoder) && !bytes {
		t.dec = spaced
	}
	if err := setModel(); err != nil {
		return err
	}
	for _, a := range t.json.AddedTokens {
		if err := t.addToken(a); err != nil {
			return err
		}
	}
	if given(t.json.Truncation) {
		t.warn("the file's truncation is kept, but texts are encoded whole")
	}
	if given(t.json.Padding) {
		t.warn("the file's padding is kept, but nothing is padded")
	}
	t.finish()
	return nil
}

// finish builds what is derived from the vocabulary and the added tokens.
func (t *Tokenizer) finish() {
	t.finder = newFinder(t.added, t.norm)
	var plain []AddedToken
	for _, a := range t.added {
		if !a.Special {
			plain = append(plain, a)
		}
	}
	t.plain = newFinder(plain, t.norm)
	texts := make([]string, len(t.tokens))
	for id, token := range t.tokens {
		if !t.special[id] && token != "" {
			texts[id] = t.text(token)
		}
	}
	t.bytes = newTokenBytes(texts)
}

// text returns the text of a token within a longer text.
func (t *Tokenizer) text(token string) string {
	if t.dec == nil {
		b, _ := readBytes(token)
		return b
	}
	if b, ok := fallbackByte(token); ok {
		return string([]byte{b})
	}
	// A decoder may treat the first token in a way of its own.
	const before = "x"
	return strings.TrimPrefix(t.dec.text([]string{before, token}), t.dec.text([]string{before}))
}

// byteLevel says whether the pieces that reach the model are bytes, and by which
// pattern a text without normalizer is cut: nil if it takes more than one.
func (t *Tokenizer) byteLevel() (bytes bool, only *Pattern) {
	parts, ok := t.pre.(preSequence)
	if !ok && t.pre != nil {
		parts = preSequence{t.pre}
	}
	simple := t.norm == nil
	for i, p := range parts {
		switch p := p.(type) {
		case preBytes:
			bytes = i == len(parts)-1
			if p.prefix {
				simple = false
			}
			if p.pattern != nil {
				simple = simple && only == nil
				only = p.pattern
			}
		case preSplit:
			if p.pattern == nil || p.invert || only != nil {
				simple = false
			}
			only = p.pattern
		default:
			simple = false
		}
	}
	if !simple || only == nil || only.next == nil {
		only = nil
	}
	return bytes, only
}
