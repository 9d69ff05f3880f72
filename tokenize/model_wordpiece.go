package tokenize

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// wordPiece takes the longest token that a word begins with, then the longest
// that goes on from there, and so on (Wu et al. 2016, as BERT does it).
type wordPiece struct {
	vocab  map[string]int32
	prefix string
	unk    int32
	most   int // characters of a word; longer ones are unknown
	length int // bytes of the longest token
}

func (t *Tokenizer) readWordPiece(raw json.RawMessage) error {
	j := struct {
		Unk    string `json:"unk_token"`
		Prefix string `json:"continuing_subword_prefix"`
		Most   int    `json:"max_input_chars_per_word"`
		Vocab  map[string]int32
	}{"[UNK]", "##", 100, nil}
	if err := json.Unmarshal(raw, &j); err != nil {
		return fmt.Errorf("model WordPiece: %w", err)
	}
	if err := t.setTokens(j.Vocab); err != nil {
		return fmt.Errorf("model WordPiece: %w", err)
	}
	unk, ok := j.Vocab[j.Unk]
	if !ok {
		return fmt.Errorf("model WordPiece: the unknown token %q is not in the vocabulary", j.Unk)
	}
	m := &wordPiece{vocab: j.Vocab, prefix: j.Prefix, unk: unk, most: j.Most}
	for token := range j.Vocab {
		m.length = max(m.length, len(token))
	}
	t.model = m
	return nil
}

func (m *wordPiece) appendPiece(dst []int32, st *state, word string) []int32 {
	if utf8.RuneCountInString(word) > m.most {
		return append(dst, m.unk)
	}
	n := len(dst)
	var buf []byte
	for i := 0; i < len(word); {
		end, id := min(len(word), i+m.length), int32(-1)
		for ; end > i; end-- {
			if end < len(word) && !utf8.RuneStart(word[end]) {
				continue
			}
			buf = buf[:0]
			if i > 0 {
				buf = append(buf, m.prefix...)
			}
			if v, ok := m.vocab[string(append(buf, word[i:end]...))]; ok {
				id = v
				break
			}
		}
		if id < 0 {
			return append(dst[:n], m.unk)
		}
		dst = append(dst, id)
		i = end
	}
	return dst
}

// wordLevel knows whole words only.
type wordLevel struct {
	vocab map[string]int32
	unk   int32
}

func (t *Tokenizer) readWordLevel(raw json.RawMessage) error {
	var j struct {
		Unk   string `json:"unk_token"`
		Vocab map[string]int32
	}
	if err := json.Unmarshal(raw, &j); err != nil {
		return fmt.Errorf("model WordLevel: %w", err)
	}
	if err := t.setTokens(j.Vocab); err != nil {
		return fmt.Errorf("model WordLevel: %w", err)
	}
	unk, ok := j.Vocab[j.Unk]
	if !ok {
		return errors.New("model WordLevel: its unknown token is not in the vocabulary")
	}
	t.model = &wordLevel{j.Vocab, unk}
	return nil
}

func (m *wordLevel) appendPiece(dst []int32, _ *state, word string) []int32 {
	if id, ok := m.vocab[word]; ok {
		return append(dst, id)
	}
	return append(dst, m.unk)
}
