package tokenize

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// preRunes cuts between characters: match says which of them are matches, each
// by itself.
type preRunes struct {
	match    func(rune) bool
	behavior string
}

func (c preRunes) cut(in []piece) []piece {
	find := func(text string) []span {
		var out []span
		for i := 0; i < len(text); {
			r, w := utf8.DecodeRuneInString(text[i:])
			m := c.match(r)
			if n := len(out); n > 0 && !m && !out[n-1].matched {
				out[n-1].end = i + w
			} else {
				out = append(out, span{i, i + w, m})
			}
			i += w
		}
		return out
	}
	return preSplit{find: find, behavior: c.behavior}.cut(in)
}

// preFixed cuts into this many characters each, the last piece apart.
type preFixed int

func (n preFixed) cut(in []piece) []piece {
	var out []piece
	for _, p := range in {
		start, k := 0, 0
		for i := range p.text {
			if k == int(n) {
				out = append(out, piece{p.text[start:i], p.first && start == 0})
				start, k = i, 0
			}
			k++
		}
		out = append(out, piece{p.text[start:], p.first && start == 0})
	}
	return out
}

// preWords is Whitespace: \w+|[^\w\s]+.
type preWords struct{}

func (preWords) cut(in []piece) []piece {
	word := is(wordly)
	kind := func(r rune) int {
		switch {
		case word(r):
			return 1
		case unicode.IsSpace(r):
			return 0
		}
		return 2
	}
	var out []piece
	for _, p := range in {
		start, last := 0, 0
		for i, r := range p.text {
			if k := kind(r); k != last {
				if last != 0 {
					out = append(out, piece{p.text[start:i], p.first && start == 0})
				}
				start, last = i, k
			}
		}
		if last != 0 {
			out = append(out, piece{p.text[start:], p.first && start == 0})
		}
	}
	return out
}

// preMetaspace is sentencepiece's way: spaces become a visible mark, one stands
// before the text, and pieces begin at the marks.
type preMetaspace struct {
	mark   string
	scheme string // always, first, never
	split  bool
}

func (m preMetaspace) cut(in []piece) []piece {
	var out []piece
	for _, p := range in {
		p.text = strings.ReplaceAll(p.text, " ", m.mark)
		if (m.scheme == "always" || m.scheme == "first" && p.first) && !strings.HasPrefix(p.text, m.mark) {
			p.text = m.mark + p.text
		}
		if !m.split {
			out = append(out, p)
			continue
		}
		for _, s := range behave(splitString(p.text, m.mark), "MergedWithNext", false) {
			out = append(out, piece{p.text[s.start:s.end], p.first && s.start == 0})
		}
	}
	return out
}
