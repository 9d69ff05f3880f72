package corpus

import (
	"fmt"
	"iter"
	"unicode/utf8"

	"fragua/pipeline/fault"
)

// Length drops documents that are too short or too long. A limit of 0 is off.
type Length struct {
	MinChars int64 `yaml:"min_chars" doc:"Fewest characters (code points)."`
	MaxChars int64 `yaml:"max_chars" doc:"Most characters."`
	MinWords int64 `yaml:"min_words" doc:"Fewest words (UAX #29)."`
	MaxWords int64 `yaml:"max_words" doc:"Most words."`
}

// Check finds what types cannot show.
func (s *Length) Check() (faults []fault.Fault) {
	if *s == (Length{}) {
		faults = missing("", "length has no limit, so it would keep everything", "length: {min_words: 50}")
	}
	pairs := []struct {
		what     string
		low, top int64
	}{{"chars", s.MinChars, s.MaxChars}, {"words", s.MinWords, s.MaxWords}}
	for _, p := range pairs {
		if p.low < 0 || p.top < 0 {
			faults = append(faults, fault.Fault{Path: "min_" + p.what, Err: "a limit cannot be negative", Hint: "0 turns it off"})
		} else if p.top > 0 && p.low > p.top {
			faults = append(faults, fault.Fault{Path: "max_" + p.what, Err: fmt.Sprintf("max_%s %d is less than min_%s %d: nothing would be kept", p.what, p.top, p.what, p.low)})
		}
	}
	return faults
}

// Apply counts, and compares.
func (s *Length) Apply(d *Document) (Drop, error) { return firstFailure(s.tests(d)), nil }

func (s *Length) tests(d *Document) iter.Seq[Measurement] {
	return func(yield func(Measurement) bool) {
		if s.MinChars > 0 || s.MaxChars > 0 {
			n := float64(utf8.RuneCountInString(d.Text))
			if !limits(yield, limit{"length.min_chars", n, float64(s.MinChars), 0}, limit{"length.max_chars", n, 0, float64(s.MaxChars)}) {
				return
			}
		}
		if s.MinWords > 0 || s.MaxWords > 0 {
			n := float64(countWords(d))
			limits(yield, limit{"length.min_words", n, float64(s.MinWords), 0}, limit{"length.max_words", n, 0, float64(s.MaxWords)})
		}
	}
}
