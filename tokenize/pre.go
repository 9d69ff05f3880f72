package tokenize

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode"
)

// A piece is a part of the text on its way to the model.
type piece struct {
	text  string
	first bool // it begins where the whole text begins
}

// A preTokenizer cuts pieces into smaller ones, and may rewrite them.
type preTokenizer interface{ cut([]piece) []piece }

// preSequence applies one after the other.
type preSequence []preTokenizer

func (s preSequence) cut(p []piece) []piece {
	for _, t := range s {
		p = t.cut(p)
	}
	return p
}

// preBytes is ByteLevel. The pieces stay bytes if it is the last part, so that
// only the space before the text and the cut are left of it.
type preBytes struct {
	prefix  bool
	pattern *Pattern // nil: another part has cut already
	written bool     // other parts follow, and they see bytes as characters
}

func (b preBytes) cut(in []piece) []piece {
	var out []piece
	for _, p := range in {
		if b.prefix && p.text != "" && p.text[0] != ' ' {
			p.text = " " + p.text
		}
		if b.pattern == nil {
			out = append(out, p)
			continue
		}
		for i, s := range b.pattern.pieces(p.text) {
			out = append(out, piece{s, p.first && i == 0})
		}
	}
	if b.written {
		return preAlphabet{}.cut(out)
	}
	return out
}

// readPre reads the pre_tokenizer of a tokenizer.json.
func (t *Tokenizer) readPre(raw json.RawMessage) (preTokenizer, error) {
	var j struct {
		Type           string
		AddPrefixSpace *bool             `json:"add_prefix_space"`
		UseRegex       *bool             `json:"use_regex"`
		PreTokenizers  []json.RawMessage `json:"pretokenizers"`
		Pattern        jsonPattern
		Behavior       string
		Invert         bool
		Replacement    string
		PrependScheme  string `json:"prepend_scheme"`
		Split          *bool
		Delimiter      string
		Length         *int
		Individual     bool `json:"individual_digits"`
	}
	if err := json.Unmarshal(raw, &j); err != nil {
		return nil, fmt.Errorf("pre_tokenizer: %w", err)
	}
	yes := func(b *bool) bool { return b == nil || *b }
	switch j.Type {
	case "Sequence":
		var seq preSequence
		for _, r := range j.PreTokenizers {
			p, err := t.readPre(r)
			if err != nil {
				return nil, err
			}
			if inner, ok := p.(preSequence); ok {
				seq = append(seq, inner...)
			} else {
				seq = append(seq, p)
			}
		}
		for i := range max(len(seq)-1, 0) {
			if b, ok := seq[i].(preBytes); ok {
				b.written = true
				seq[i] = b
			}
		}
		return seq, nil
	case "ByteLevel":
		b := preBytes{prefix: yes(j.AddPrefixSpace)}
		if yes(j.UseRegex) {
			b.pattern, _, _ = PatternOf("gpt2")
		}
		return b, nil
	case "Split":
		return t.newSplit(j.Pattern, j.Behavior, j.Invert)
	case "Metaspace":
		m := preMetaspace{j.Replacement, j.PrependScheme, yes(j.Split)}
		if m.mark == "" {
			m.mark = "▁"
		}
		if m.scheme == "" { // files of old versions
			m.scheme = "always"
			if !yes(j.AddPrefixSpace) {
				m.scheme = "never"
			}
		}
		return m, nil
	case "Whitespace":
		return preWords{}, nil
	case "WhitespaceSplit":
		return preRunes{unicode.IsSpace, "Removed"}, nil
	case "BertPreTokenizer":
		return preSequence{preRunes{unicode.IsSpace, "Removed"}, preRunes{is(punctuation), "Isolated"}}, nil
	case "Punctuation":
		if j.Behavior == "" {
			j.Behavior = "Isolated"
		}
		return preRunes{is(punctuation), j.Behavior}, nil
	case "Digits":
		if j.Individual {
			return preRunes{is(numeric), "Isolated"}, nil
		}
		return preRunes{is(numeric), "Contiguous"}, nil
	case "FixedLength":
		if j.Length == nil || *j.Length < 1 {
			return nil, errors.New("pre_tokenizer FixedLength: length is not at least 1")
		}
		return preFixed(*j.Length), nil
	case "CharDelimiterSplit":
		return preRunes{func(r rune) bool { return string(r) == j.Delimiter }, "Removed"}, nil
	}
	return nil, fmt.Errorf("pre_tokenizer %q is not known", j.Type)
}
