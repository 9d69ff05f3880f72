package examples

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Pairs says which pairs of sentences are good enough to learn from; lengths
// are words between spaces, as Moses' clean-corpus-n counts them.
type Pairs struct {
	MinWords      int     `yaml:"min_words" doc:"Fewest words of a side."`
	MaxWords      int     `yaml:"max_words" doc:"Most words of a side; 0: any."`
	MaxRatio      float64 `yaml:"max_ratio" doc:"The longer side may have so many times the words of the shorter; 0: any."`
	DropIdentical bool    `yaml:"drop_identical" doc:"Leave out pairs whose target is the source: they teach copying."`
	OnePerSource  bool    `yaml:"one_per_source" doc:"Of several translations of a sentence keep the first."`
}

// A verdict is why a row does not become an example; the zero verdict keeps it.
type verdict struct {
	rule, value, limit string
	failed             error
}

// Tidy trims a text and gives its lines Unix ends.
func Tidy(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	return strings.TrimSpace(s)
}

// readable refuses bytes that are no text, and text that was damaged before.
func readable(s string) verdict {
	if err := checkUTF8(s); err != nil {
		return verdict{failed: err}
	}
	if n := strings.Count(s, string(utf8.RuneError)); n > 0 {
		return verdict{rule: "damaged", value: fmt.Sprintf("%d replacement characters", n), limit: "0"}
	}
	if i := strings.IndexByte(s, 0); i >= 0 {
		return verdict{failed: fmt.Errorf("a zero byte at %d: not a text", i)}
	}
	return verdict{}
}

// check applies the rules to one pair.
func (p Pairs) check(source, target string) verdict {
	a, b := len(strings.Fields(source)), len(strings.Fields(target))
	short, long := min(a, b), max(a, b)
	switch {
	case short < p.MinWords:
		return verdict{rule: "min_words", value: strconv.Itoa(short), limit: strconv.Itoa(p.MinWords)}
	case p.MaxWords > 0 && long > p.MaxWords:
		return verdict{rule: "max_words", value: strconv.Itoa(long), limit: strconv.Itoa(p.MaxWords)}
	case p.MaxRatio > 0 && float64(long) > p.MaxRatio*float64(short):
		return verdict{rule: "max_ratio", value: fmt.Sprintf("%d to %d words", a, b), limit: strconv.FormatFloat(p.MaxRatio, 'g', -1, 64)}
	case p.DropIdentical && source == target:
		return verdict{rule: "identical"}
	}
	return verdict{}
}

// canonical writes whole numbers one way, so that 4, 4.0 and " 4" are one label.
func canonical(label string) string {
	label = strings.TrimSpace(label)
	if whole, zeros, ok := strings.Cut(label, "."); ok && strings.Trim(zeros, "0") == "" {
		if _, err := strconv.Atoi(whole); err == nil {
			return whole
		}
	}
	return label
}
