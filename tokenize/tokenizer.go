package tokenize

import (
	"fmt"
	"sync"
	"unicode/utf8"
)

// EndOfText is the special token that stands after each document.
const EndOfText = "<|endoftext|>"

// A Tokenizer turns text into ids and back. It is safe for concurrent use.
type Tokenizer struct {
	tokens  []string         // by id, as tokenizer.json writes them; "" where an id is not given out
	ids     map[string]int32 // the inverse
	added   []AddedToken     // in the order of the file
	special []bool           // by id

	norm    normalizer   // nil: none
	pre     preTokenizer // nil: none
	model   model
	post    template
	dec     decoder
	json    fileParts      // the parts as the file has them, so that Save keeps all of it
	source  func() jsonBPE // the model that Save writes, where no tokenizer.json was read
	finder  finder         // of added tokens
	plain   finder         // of those that text may hold, special ones left out
	bytes   tokenBytes
	fast    *byteBPE // not nil if the ids are those of byte-level BPE on the bare text
	warning []string
	pool    sync.Pool // of *state
}

// model makes ids of one piece.
type model interface {
	appendPiece(dst []int32, st *state, piece string) []int32
}

// AppendIDs appends the ids of text to dst. Special tokens are never taken from
// it: "<|endoftext|>" in a corpus is a handful of ordinary tokens. Bytes that are
// not UTF-8 are encoded one by one. It is safe for concurrent use; each goroutine
// that calls it repeatedly keeps a cache of words. It fails only for the tokenizers
// of others, if a normalizer or regular expression of theirs passes a limit: then
// dst is returned as it was.
func (t *Tokenizer) AppendIDs(dst []int32, text string) (ids []int32, err error) {
	ids = dst
	defer recoverEncode(&err)
	return t.appendIDs(dst, text), nil
}

// AppendIDsSpecial is AppendIDs for text that is trusted: special tokens in it
// get their ids.
func (t *Tokenizer) AppendIDsSpecial(dst []int32, text string) (ids []int32, err error) {
	ids = dst
	defer recoverEncode(&err)
	return t.appendIDsSpecial(dst, text), nil
}

// appendIDs is AppendIDs, but it panics with an encodeError.
func (t *Tokenizer) appendIDs(dst []int32, text string) []int32 {
	return t.appendWith(dst, text, &t.plain)
}

func (t *Tokenizer) appendIDsSpecial(dst []int32, text string) []int32 {
	return t.appendWith(dst, text, &t.finder)
}

func (t *Tokenizer) appendWith(dst []int32, text string, find *finder) []int32 {
	st := t.state()
	defer t.pool.Put(st)
	if find.empty() {
		return t.appendText(dst, st, text, true)
	}
	return find.appendIDs(dst, st, t, text)
}

// AppendPiece appends the ids of one piece as the pattern cuts them: nothing is
// normalized or cut any more.
func (t *Tokenizer) AppendPiece(dst []int32, piece string) []int32 {
	if piece == "" {
		return dst
	}
	st := t.state()
	defer t.pool.Put(st)
	return t.model.appendPiece(dst, st, piece)
}

// state returns what a goroutine needs, from the pool.
func (t *Tokenizer) state() *state {
	st, _ := t.pool.Get().(*state)
	if st == nil {
		st = &state{cache: newWordCache()}
	}
	return st
}

// appendText encodes text that holds no added token. first: it is where the
// whole text begins.
func (t *Tokenizer) appendText(dst []int32, st *state, text string, first bool) []int32 {
	if t.fast != nil {
		return t.fast.fast(dst, st, asBytes(text))
	}
	return t.appendNormal(dst, st, normalize(t.norm, text), first && t.keepsFirst(text))
}

// keepsFirst says whether something is left of the first character of a text once
// it is normalized. Where nothing is, what follows does not stand at the beginning,
// for Hugging Face, which goes by the places in the text as it was.
func (t *Tokenizer) keepsFirst(text string) bool {
	if t.norm == nil || text == "" {
		return true
	}
	_, w := utf8.DecodeRuneInString(text)
	return normalize(t.norm, text[:w]) != ""
}

// appendNormal encodes text that is normalized already.
func (t *Tokenizer) appendNormal(dst []int32, st *state, text string, first bool) []int32 {
	if t.fast != nil {
		return t.fast.fast(dst, st, asBytes(text))
	}
	if text == "" {
		return dst
	}
	pieces := []piece{{text, first}}
	if t.pre != nil {
		pieces = t.pre.cut(pieces)
	}
	for _, p := range pieces {
		if p.text != "" {
			dst = t.model.appendPiece(dst, st, p.text)
		}
	}
	return dst
}

// VocabSize returns one more than the largest id.
func (t *Tokenizer) VocabSize() int { return len(t.tokens) }

// Token returns a token as the file writes it ("Ġthe"); false if the id has none.
func (t *Tokenizer) Token(id int32) (string, bool) {
	if uint(id) >= uint(len(t.tokens)) || t.tokens[id] == "" {
		return "", false
	}
	return t.tokens[id], true
}

// ID returns the id of a token as the file writes it.
func (t *Tokenizer) ID(token string) (int32, bool) {
	id, ok := t.ids[token]
	return id, ok
}

// Special says whether an id is a special token.
func (t *Tokenizer) Special(id int32) bool {
	return uint(id) < uint(len(t.special)) && t.special[id]
}

// EndOfText returns the id of <|endoftext|>, or of what stands for it in
// vocabularies of others; -1 if there is none.
func (t *Tokenizer) EndOfText() int32 {
	for _, s := range []string{EndOfText, "<|end_of_text|>", "</s>", "<eos>", "[SEP]", "<|im_end|>"} {
		if id, ok := t.ids[s]; ok {
			return id
		}
	}
	return -1
}

// Pattern returns the pattern by which text is cut first; nil if the tokenizer
// is none of byte-level BPE on bare text.
func (t *Tokenizer) Pattern() *Pattern {
	if t.fast == nil {
		return nil
	}
	return t.fast.pattern
}

// Warnings says what in the tokenizer's file works, but not as well or not
// exactly as elsewhere.
func (t *Tokenizer) Warnings() []string { return t.warning }

// setTokens takes over a vocabulary; ids are nonnegative.
func (t *Tokenizer) setTokens(vocab map[string]int32) error {
	top := int32(-1)
	for token, id := range vocab {
		if id < 0 || id >= maxID {
			return fmt.Errorf("token %q has the id %d, not one of 0 to %d", token, id, maxID-1)
		}
		top = max(top, id)
	}
	t.ids = make(map[string]int32, len(vocab))
	t.tokens = make([]string, top+1)
	t.special = make([]bool, top+1)
	for token, id := range vocab {
		if old := t.tokens[id]; old != "" {
			return fmt.Errorf("tokens %q and %q have the same id %d", min(old, token), max(old, token), id)
		}
		t.tokens[id], t.ids[token] = token, id
	}
	return nil
}

// maxID bounds ids, so that a damaged file cannot ask for all memory.
const maxID = 1 << 21

// addToken gives an added token its place in the vocabulary.
func (t *Tokenizer) addToken(a AddedToken) error {
	if a.ID < 0 || a.ID >= maxID {
		return fmt.Errorf("added token %q has the id %d, not one of 0 to %d", a.Content, a.ID, maxID-1)
	}
	if a.Content == "" {
		return fmt.Errorf("the added token with id %d is empty", a.ID)
	}
	for int(a.ID) >= len(t.tokens) {
		t.tokens = append(t.tokens, "")
		t.special = append(t.special, false)
	}
	t.tokens[a.ID], t.ids[a.Content] = a.Content, a.ID
	t.special[a.ID] = t.special[a.ID] || a.Special
	t.added = append(t.added, a)
	return nil
}
