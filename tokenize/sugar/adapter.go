package sugar

import (
	"context"
	"fmt"

	"github.com/sugarme/tokenizer"
	"github.com/sugarme/tokenizer/normalizer"

	"fragua/tokenize"
)

// Model implements tokenizer.Model. The pieces it gets are plain text, as
// PreTokenizer leaves them.
type Model struct{ tok *tokenize.Tokenizer }

var _ tokenizer.Model = (*Model)(nil)

// NewModel wraps a tokenizer.
func NewModel(tok *tokenize.Tokenizer) *Model { return &Model{tok} }

// Tokenize returns the tokens of one piece; offsets are bytes in it.
func (m *Model) Tokenize(sequence string) ([]tokenizer.Token, error) {
	ids := m.tok.AppendPiece(nil, sequence)
	tokens := make([]tokenizer.Token, len(ids))
	at := 0
	for i, id := range ids {
		value, _ := m.tok.Token(id)
		end := at + m.tok.ByteLen(id)
		tokens[i] = tokenizer.NewToken(int(id), value, []int{at, end})
		at = end
	}
	return tokens, nil
}

// TokenToId returns the id of a token as its file writes it.
func (m *Model) TokenToId(token string) (id int, ok bool) {
	v, ok := m.tok.ID(token)
	return int(v), ok
}

// IdToToken is the inverse.
func (m *Model) IdToToken(id int) (token string, ok bool) {
	if id < 0 || id >= m.tok.VocabSize() {
		return "", false
	}
	return m.tok.Token(int32(id))
}

// GetVocab returns all tokens.
func (m *Model) GetVocab() map[string]int {
	vocab := make(map[string]int, m.tok.VocabSize())
	for id := range m.tok.VocabSize() {
		if token, ok := m.tok.Token(int32(id)); ok {
			vocab[token] = id
		}
	}
	return vocab
}

// GetVocabSize returns how many tokens there are.
func (m *Model) GetVocabSize() int { return len(m.GetVocab()) }

// Save writes the tokenizer's files into a folder. The prefix is not used: the
// files have the names that other libraries look for.
func (m *Model) Save(path string, _ ...string) error { return m.tok.SaveAll(path) }

// PreTokenizer implements tokenizer.PreTokenizer with one of our patterns.
type PreTokenizer struct{ pattern *tokenize.Pattern }

var _ tokenizer.PreTokenizer = (*PreTokenizer)(nil)

// NewPreTokenizer cuts by a pattern.
func NewPreTokenizer(p *tokenize.Pattern) *PreTokenizer { return &PreTokenizer{p} }

// FindMatches implements normalizer.Pattern: every piece is a match.
func (p *PreTokenizer) FindMatches(text string) []normalizer.OffsetsMatch {
	var out []normalizer.OffsetsMatch
	at := 0
	pieces, err := p.pattern.Pieces(text)
	if err != nil {
		panic(err) // PreTokenize returns it
	}
	for _, piece := range pieces {
		out = append(out, normalizer.OffsetsMatch{Offsets: []int{at, at + len(piece)}, Match: true})
		at += len(piece)
	}
	return out
}

// PreTokenize cuts what is not cut yet.
func (p *PreTokenizer) PreTokenize(text *tokenizer.PreTokenizedString) (out *tokenizer.PreTokenizedString, err error) {
	defer guard(&err)
	return text.Split(func(_ int, n *normalizer.NormalizedString) (parts []tokenizer.SplitIdx) {
		splits := n.Split(p, normalizer.IsolatedBehavior)
		for i := range splits {
			parts = append(parts, tokenizer.SplitIdx{Normalized: &splits[i]})
		}
		return parts
	}), nil
}

// guard makes an error of a panic.
func guard(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("sugarme/tokenizer panicked: %v", r)
	}
}

// Decoder implements tokenizer.Decoder.
type Decoder struct{ tok *tokenize.Tokenizer }

var _ tokenizer.Decoder = (*Decoder)(nil)

// NewDecoder wraps a tokenizer.
func NewDecoder(tok *tokenize.Tokenizer) *Decoder { return &Decoder{tok} }

// Decode returns the text of tokens.
func (d *Decoder) Decode(tokens []string) string {
	ids := make([]int32, 0, len(tokens))
	for _, token := range tokens {
		if id, ok := d.tok.ID(token); ok {
			ids = append(ids, id)
		}
	}
	return d.tok.DecodeAll(ids)
}

// DecodeChain returns the text in one part: tokens may hold half a character.
func (d *Decoder) DecodeChain(tokens []string) []string { return []string{d.Decode(tokens)} }

// Trainer implements tokenizer.Trainer.
type Trainer struct {
	Learn *tokenize.Learn
	Err   error // why the last Train failed; its interface has no place for it
}

var _ tokenizer.Trainer = (*Trainer)(nil)

// NewTrainer learns with these settings. Pattern and unit belong to whoever cuts
// the text.
func NewTrainer(l *tokenize.Learn) *Trainer { return &Trainer{Learn: l} }

// WithProgressBar says that there is none.
func (*Trainer) WithProgressBar() bool { return false }

// ProcessTokens counts pieces.
func (*Trainer) ProcessTokens(words map[string]int, tokens []string) {
	for _, t := range tokens {
		words[t]++
	}
}

// Train learns from counted pieces. On failure it returns a nil Model and sets Err.
func (t *Trainer) Train(words map[string]int) (tokenizer.Model, []tokenizer.AddedToken) {
	counts := make(map[string]int64, len(words))
	for word, n := range words {
		counts[word] = int64(n)
	}
	tr, err := t.Learn.Words(context.Background(), counts)
	if err == nil {
		var tok *tokenize.Tokenizer
		if tok, err = tr.Tokenizer(0); err == nil {
			var special []tokenizer.AddedToken
			for _, a := range tok.Added() {
				special = append(special, tokenizer.NewAddedToken(a.Content, true))
			}
			t.Err = nil
			return NewModel(tok), special
		}
	}
	t.Err = err
	return nil, nil
}
