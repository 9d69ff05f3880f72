package corpus

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"fragua/pipeline/fault"
	"fragua/pipeline/textstat"
)

// C4 removes lines that are no sentences, and drops documents with too little left
// or with what no prose has (Raffel et al. 2020, arXiv 1910.10683, section 2.2), in
// datatrove's order. FineWeb leaves terminal out.
type C4 struct {
	Terminal     bool   `yaml:"terminal" doc:"Remove lines that do not end as sentences do, and those that end in three dots."`
	Citations    bool   `yaml:"citations" doc:"Remove [1], [edit] and [citation needed]."`
	MinLineWords int64  `yaml:"min_line_words" doc:"Remove lines of fewer words; 0 removes none."`
	MaxWordChars int64  `yaml:"max_word_chars" doc:"Remove lines with a word that is longer; 0 removes none."`
	JavaScript   bool   `yaml:"javascript" doc:"Remove lines that speak of JavaScript."`
	Policies     bool   `yaml:"policies" doc:"Remove lines of cookie notices and terms of use."`
	LoremIpsum   bool   `yaml:"lorem_ipsum" doc:"Drop documents with lorem ipsum."`
	Braces       bool   `yaml:"braces" doc:"Drop documents with a { in a line that is kept: code."`
	MinSentences int64  `yaml:"min_sentences" doc:"Fewest sentences in the lines that are kept; 0 turns it off."`
	Compat       Compat `yaml:"compat" doc:"With datatrove, its definition of words and sentences."`
}

// NewC4 returns the published rules.
func NewC4() *C4 {
	return &C4{Terminal: true, Citations: true, MinLineWords: 3, MaxWordChars: 1000, JavaScript: true, Policies: true, LoremIpsum: true, Braces: true, MinSentences: 5}
}

// Check finds what types cannot show.
func (s *C4) Check() (faults []fault.Fault) {
	for key, v := range map[string]int64{"min_line_words": s.MinLineWords, "max_word_chars": s.MaxWordChars, "min_sentences": s.MinSentences} {
		if v < 0 {
			faults = append(faults, fault.Fault{Path: key, Err: key + " cannot be negative", Hint: "0 turns it off"})
		}
	}
	return faults
}

var (
	citation = regexp.MustCompile(`\[\d*\]|\[edit\]|\[citation needed\]`)
	policies = []string{"terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies"}
)

// Apply removes lines, and drops documents.
func (s *C4) Apply(d *Document) (Drop, error) {
	lines := strings.Split(d.Text, "\n")
	if s.Compat == CompatDatatrove {
		lines = textstat.SplitLines(d.Text)
	}
	var kept []string
	sentences, blank := 0, false
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" {
			blank = true
			continue
		}
		line, keep, drop := s.line(line)
		if drop.Rule != "" {
			return drop, nil
		}
		if !keep {
			continue
		}
		if blank && len(kept) > 0 && s.Compat == "" { // paragraphs stay apart
			kept = append(kept, "")
		}
		blank = false
		kept = append(kept, line)
		if s.MinSentences > 0 {
			sentences += s.sentences(line)
		}
	}
	if int64(sentences) < s.MinSentences {
		return Drop{Rule: "c4.min_sentences", Value: float64(sentences), Limit: float64(s.MinSentences)}, nil
	}
	d.Text = strings.TrimSpace(strings.Join(kept, "\n"))
	return Drop{}, nil
}

// line returns the line as it is kept, whether it is, and what in it drops the
// document.
func (s *C4) line(line string) (string, bool, Drop) {
	words := strings.Fields(line)
	for _, w := range words {
		if s.MaxWordChars > 0 && int64(len(w)) > s.MaxWordChars && int64(utf8.RuneCountInString(w)) > s.MaxWordChars {
			return "", false, Drop{}
		}
	}
	if s.Citations && strings.Contains(line, "[") {
		line = citation.ReplaceAllString(line, "")
	}
	if s.Terminal && !s.terminal(line) {
		return "", false, Drop{}
	}
	if int64(len(words)) < s.MinLineWords {
		return "", false, Drop{}
	}
	low := strings.ToLower(line)
	if s.LoremIpsum && strings.Contains(low, "lorem ipsum") {
		return "", false, Drop{Rule: "c4.lorem_ipsum", Value: 1}
	}
	if s.JavaScript && strings.Contains(low, "javascript") {
		return "", false, Drop{}
	}
	if s.Braces && strings.Contains(line, "{") {
		return "", false, Drop{Rule: "c4.braces", Value: 1}
	}
	if s.Policies {
		for _, p := range policies {
			if strings.Contains(low, p) {
				return "", false, Drop{}
			}
		}
	}
	return line, true, Drop{}
}

func (s *C4) sentences(line string) int {
	if s.Compat == CompatDatatrove {
		return textstat.Sentences(textstat.EnglishTokens(line))
	}
	return textstat.Sentences(textstat.TokenList(line))
}

// terminal reports whether a line ends as sentences do: with a mark of any script,
// quotes and brackets after it aside.
func (s *C4) terminal(line string) bool {
	switch {
	case strings.HasSuffix(line, "..."):
		return false
	case s.Compat == CompatDatatrove:
		return line != "" && strings.ContainsRune(`.?!"'`, rune(line[len(line)-1]))
	}
	return strings.HasSuffix(line, `"`) || strings.HasSuffix(line, "'") || textstat.EndsSentence(strings.TrimRight(line, `"'”’»)]`))
}
