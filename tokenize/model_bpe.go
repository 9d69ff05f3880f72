package tokenize

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// bpe is the model of a tokenizer.json whose symbols are characters at first.
type bpe struct {
	byteBPE
	vocab    map[string]int32
	bytes    bool // pieces are bytes, and byteBPE does all
	unk      int32
	fuseUnk  bool
	prefix   string // before each character but the first
	suffix   string // behind the last
	fallback *[256]int32
}

// jsonBPE is BPE as tokenizer.json has it.
type jsonBPE struct {
	Type         string     `json:"type"`
	Dropout      *float64   `json:"dropout"`
	UnkToken     *string    `json:"unk_token"`
	Prefix       *string    `json:"continuing_subword_prefix"`
	Suffix       *string    `json:"end_of_word_suffix"`
	FuseUnk      bool       `json:"fuse_unk"`
	ByteFallback bool       `json:"byte_fallback"`
	IgnoreMerges bool       `json:"ignore_merges"`
	Vocab        jsonVocab  `json:"vocab"`
	Merges       jsonMerges `json:"merges"`
}

// jsonMerges reads both forms: ["a b", …] and [["a", "b"], …].
type jsonMerges [][2]string

func (m *jsonMerges) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, (*[][2]string)(m)) == nil {
		for i, p := range *m {
			if p[0] == "" || p[1] == "" {
				return fmt.Errorf("merge %d is not a pair", i)
			}
		}
		return nil
	}
	var lines []string
	if err := json.Unmarshal(data, &lines); err != nil {
		return errors.New(`merges are neither ["a b", …] nor [["a", "b"], …]`)
	}
	*m = make(jsonMerges, 0, len(lines))
	for i, line := range lines {
		if i == 0 && strings.HasPrefix(line, "#version") {
			continue
		}
		a, b, ok := strings.Cut(line, " ")
		if !ok || strings.Contains(b, " ") {
			return fmt.Errorf("merge %d is %q, not two tokens with a space between", i, line)
		}
		*m = append(*m, [2]string{a, b})
	}
	return nil
}

func (t *Tokenizer) readBPE(raw json.RawMessage) error {
	var j jsonBPE
	if err := json.Unmarshal(raw, &j); err != nil {
		return fmt.Errorf("model BPE: %w", err)
	}
	return t.setBPE(j)
}

// setBPE makes the model.
func (t *Tokenizer) setBPE(j jsonBPE) error {
	if err := t.setTokens(j.Vocab); err != nil {
		return fmt.Errorf("model BPE: %w", err)
	}
	if j.Dropout != nil && *j.Dropout > 0 {
		t.warn("the model's dropout of %g is not applied: encoding is exact here", *j.Dropout)
	}
	bytes, only := t.byteLevel()
	b := &bpe{vocab: j.Vocab, bytes: bytes, unk: -1, fuseUnk: j.FuseUnk}
	if j.Prefix != nil {
		b.prefix = *j.Prefix
	}
	if j.Suffix != nil {
		b.suffix = *j.Suffix
	}
	if j.UnkToken != nil && *j.UnkToken != "" {
		id, ok := j.Vocab[*j.UnkToken]
		if !ok {
			return fmt.Errorf("model BPE: the unknown token %q is not in the vocabulary", *j.UnkToken)
		}
		b.unk = id
	}
	if j.ByteFallback {
		b.fallback = new([256]int32)
		for c := range b.fallback {
			id, ok := j.Vocab[fmt.Sprintf("<0x%02X>", c)]
			if !ok {
				id = -1
			}
			b.fallback[c] = id
		}
	}
	b.pairs = newPairTable(len(j.Merges))
	for rank, m := range j.Merges {
		left, ok1 := j.Vocab[m[0]]
		right, ok2 := j.Vocab[m[1]]
		id, ok3 := j.Vocab[m[0]+strings.TrimPrefix(m[1], b.prefix)]
		if !ok1 || !ok2 || !ok3 {
			return fmt.Errorf("model BPE: merge %d, %q %q: a part or the whole is not in the vocabulary", rank, m[0], m[1])
		}
		// Of duplicates the later counts, as in Hugging Face.
		if err := b.pairs.set(left, right, rank, id); err != nil {
			return fmt.Errorf("model BPE: %w", err)
		}
	}
	if bytes && (b.prefix != "" || b.suffix != "" || b.fallback != nil || b.unk >= 0) {
		// Unusual, so not worth a way of its own: characters of the byte alphabet.
		b.bytes, only = false, nil
		if seq, ok := t.pre.(preSequence); ok {
			t.pre = append(seq[:len(seq):len(seq)], preAlphabet{})
		} else {
			t.pre = preSequence{t.pre, preAlphabet{}}
		}
	}
	for c := range b.ofByte {
		b.ofByte[c] = -1
		if id, ok := j.Vocab[string(byteRune[c])]; ok {
			b.ofByte[c] = id
		}
	}
	if j.IgnoreMerges {
		b.whole = newVocabulary(len(j.Vocab))
		for token, id := range j.Vocab {
			if b.bytes {
				var ok bool
				if token, ok = readBytes(token); !ok {
					continue
				}
			}
			b.whole.set(token, id)
		}
	}
	if b.bytes {
		b.prune()
		b.rankBytes()
	}
	if b.bytes && only != nil {
		b.pattern = only
		t.fast = &b.byteBPE
	}
	t.model = b
	return nil
}

// preAlphabet writes bytes as characters.
type preAlphabet struct{}

func (preAlphabet) cut(in []piece) []piece {
	for i := range in {
		in[i].text = writeBytes(in[i].text)
	}
	return in
}

func (m *bpe) appendPiece(dst []int32, st *state, text string) []int32 {
	if ids, ok := st.cache.long[text]; ok {
		return append(dst, ids...)
	}
	n := len(dst)
	if m.bytes {
		dst = m.piece(dst, st, asBytes(text))
	} else {
		dst = m.chars(dst, st, text)
	}
	st.cache.keep(asBytes(text), dst[n:])
	return dst
}

// chars encodes a piece whose symbols are characters at first. One that is not
// in the vocabulary becomes its bytes, if there are tokens for them all, or the
// unknown token, or nothing, in this order.
func (m *bpe) chars(dst []int32, st *state, text string) []int32 {
	if m.whole != nil {
		if id := m.whole.id(asBytes(text)); id >= 0 {
			return append(dst, id)
		}
	}
	ids := st.ids[:0]
	unknown := false // the last symbol is the unknown token
	for i := 0; i < len(text); {
		_, w := utf8.DecodeRuneInString(text[i:])
		c := text[i : i+w]
		if i > 0 {
			c = m.prefix + c
		}
		if i+w == len(text) {
			c += m.suffix
		}
		i += w
		if id, ok := m.vocab[c]; ok {
			ids = append(ids, id)
			unknown = false
			continue
		}
		if m.fallback != nil {
			n := len(ids)
			for _, b := range []byte(c) {
				if m.fallback[b] < 0 {
					ids = ids[:n]
					break
				}
				ids = append(ids, m.fallback[b])
			}
			if len(ids) > n {
				unknown = false
				continue
			}
		}
		if m.unk >= 0 && !(unknown && m.fuseUnk) {
			ids = append(ids, m.unk)
			unknown = true
		}
	}
	st.ids = ids
	return append(dst, m.pairs.merge(ids, 1, &st.merger)...)
}
