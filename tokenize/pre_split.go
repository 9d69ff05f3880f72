package tokenize

import (
	"fmt"
	"strings"
)

// A jsonPattern is {"Regex": …} or {"String": …}.
type jsonPattern struct {
	Regex  *string
	String *string
}

// preSplit cuts at the matches of a pattern; behavior says what becomes of them.
type preSplit struct {
	find     func(string) []span
	behavior string
	invert   bool
	pattern  *Pattern // not nil if every byte is matched and each match is a piece
}

// newSplit checks the behavior, and warns where the pattern is a slow one.
func (t *Tokenizer) newSplit(p jsonPattern, behavior string, invert bool) (preTokenizer, error) {
	s := preSplit{behavior: behavior, invert: invert}
	switch behavior {
	case "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous":
	default:
		return nil, fmt.Errorf("pre_tokenizer Split: behavior %q is not known", behavior)
	}
	switch {
	case p.String != nil:
		s.find = func(text string) []span { return splitString(text, *p.String) }
	case p.Regex != nil:
		pattern, slow, err := PatternOf(*p.Regex)
		if err != nil {
			return nil, err
		}
		if slow {
			t.warn("pattern %q has no scanner of its own: a general regular expression engine cuts the text, which is slow, and knows punctuation and symbols by Go's version of Unicode", *p.Regex)
			s.find = func(text string) []span { return regexSpans(pattern.re, text) }
		} else {
			s.find = pattern.spans
		}
		if behavior == "Isolated" {
			s.pattern = pattern
		}
	default:
		return nil, fmt.Errorf("pre_tokenizer Split: the pattern is neither Regex nor String")
	}
	return s, nil
}

func (t *Tokenizer) warn(format string, args ...any) {
	t.warning = append(t.warning, fmt.Sprintf(format, args...))
}

// spans returns the pieces of a text, all of them matches.
func (p *Pattern) spans(text string) []span {
	var out []span
	b := asBytes(text)
	for i := 0; i < len(b); {
		j := p.next(b, i)
		out = append(out, span{i, j, true})
		i = j
	}
	return out
}

func (s preSplit) cut(in []piece) []piece {
	var out []piece
	for _, p := range in {
		for _, c := range behave(s.find(p.text), s.behavior, s.invert) {
			if c.end > c.start {
				out = append(out, piece{p.text[c.start:c.end], p.first && c.start == 0})
			}
		}
	}
	return out
}

// behave joins or drops spans as a SplitDelimiterBehavior says.
func behave(spans []span, behavior string, invert bool) []span {
	if invert {
		for i := range spans {
			spans[i].matched = !spans[i].matched
		}
	}
	out := spans[:0:0]
	switch behavior {
	case "Removed":
		for _, s := range spans {
			if !s.matched {
				out = append(out, s)
			}
		}
		return out
	case "MergedWithPrevious":
		before := false
		for _, s := range spans {
			if s.matched && !before && len(out) > 0 {
				out[len(out)-1].end = s.end
			} else {
				out = append(out, s)
			}
			before = s.matched
		}
		return out
	case "MergedWithNext":
		for i := 0; i < len(spans); i++ {
			s := spans[i]
			// Of several matches in a row only the last joins what follows.
			if s.matched && i+1 < len(spans) && !spans[i+1].matched {
				i++
				s.end = spans[i].end
			}
			out = append(out, s)
		}
		return out
	case "Contiguous":
		for _, s := range spans {
			if n := len(out); n > 0 && out[n-1].matched == s.matched {
				out[n-1].end = s.end
			} else {
				out = append(out, s)
			}
		}
		return out
	}
	return spans
}

// splitString cuts at each occurrence of a string.
func splitString(text, sep string) []span {
	var out []span
	i := 0
	for sep != "" {
		k := strings.Index(text[i:], sep)
		if k < 0 {
			break
		}
		if k > 0 {
			out = append(out, span{i, i + k, false})
		}
		out = append(out, span{i + k, i + k + len(sep), true})
		i += k + len(sep)
	}
	if i < len(text) {
		out = append(out, span{i, len(text), false})
	}
	return out
}
