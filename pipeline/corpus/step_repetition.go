package corpus

import (
	"iter"
	"slices"
	"strings"

	"fragua/pipeline/fault"
	"fragua/pipeline/textstat"
)

// Repetition drops documents that repeat their own lines, paragraphs or runs of
// words: the rules of Gopher (Rae et al. 2021, table A1), counting copies after the
// first. 0 turns a test off. See textstat.Repetition and textstat.NGrams.
type Repetition struct {
	MaxParagraphs     float64 `yaml:"max_paragraphs" doc:"Largest share of paragraphs that stood before."`
	MaxParagraphChars float64 `yaml:"max_paragraph_chars" doc:"Largest share of characters in such paragraphs."`
	MaxLines          float64 `yaml:"max_lines" doc:"Largest share of lines that stood before."`
	MaxLineChars      float64 `yaml:"max_line_chars" doc:"Largest share of characters in such lines."`
	MaxTop2           float64 `yaml:"max_top_2_gram" doc:"Largest share of characters in all copies of the most frequent pair of words."`
	MaxTop3           float64 `yaml:"max_top_3_gram" doc:"The same of three words."`
	MaxTop4           float64 `yaml:"max_top_4_gram" doc:"The same of four words."`
	MaxDuplicate5     float64 `yaml:"max_duplicate_5_grams" doc:"Largest share of characters in runs of five words that stood before."`
	MaxDuplicate6     float64 `yaml:"max_duplicate_6_grams" doc:"The same of six words."`
	MaxDuplicate7     float64 `yaml:"max_duplicate_7_grams" doc:"The same of seven words."`
	MaxDuplicate8     float64 `yaml:"max_duplicate_8_grams" doc:"The same of eight words."`
	MaxDuplicate9     float64 `yaml:"max_duplicate_9_grams" doc:"The same of nine words."`
	MaxDuplicate10    float64 `yaml:"max_duplicate_10_grams" doc:"The same of ten words."`
	Compat            Compat  `yaml:"compat" doc:"With datatrove, its definitions of words and lines, for the same verdicts."`
}

// NewRepetition returns the published limits.
func NewRepetition() *Repetition {
	return &Repetition{MaxParagraphs: .3, MaxParagraphChars: .2, MaxLines: .3, MaxLineChars: .2,
		MaxTop2: .2, MaxTop3: .18, MaxTop4: .16,
		MaxDuplicate5: .15, MaxDuplicate6: .14, MaxDuplicate7: .13, MaxDuplicate8: .12, MaxDuplicate9: .11, MaxDuplicate10: .1}
}

// Check finds what types cannot show.
func (s *Repetition) Check() (faults []fault.Fault) {
	for _, l := range slices.Concat(s.ofLines(textstat.Repetition{}), s.ofWords(textstat.NGrams{})) {
		if key := strings.TrimPrefix(l.rule, "repetition."); l.max < 0 || l.max > 1 {
			faults = append(faults, fault.Fault{Path: key, Err: key + " is a share and must lie between 0 and 1", Hint: "0 turns it off"})
		}
	}
	return faults
}

// Apply runs the tests in order.
func (s *Repetition) Apply(d *Document) (Drop, error) { return firstFailure(s.tests(d)), nil }

func (s *Repetition) tests(d *Document) iter.Seq[Measurement] {
	return func(yield func(Measurement) bool) {
		m := d.measure(s.Compat)
		if !limits(yield, s.ofLines(m.Repetition())...) {
			return
		}
		limits(yield, s.ofWords(m.NGrams())...)
	}
}

func (s *Repetition) ofLines(r textstat.Repetition) []limit {
	return []limit{
		{"repetition.max_paragraphs", r.DuplicateParas, 0, s.MaxParagraphs},
		{"repetition.max_paragraph_chars", r.ParaChars, 0, s.MaxParagraphChars},
		{"repetition.max_lines", r.DuplicateLines, 0, s.MaxLines},
		{"repetition.max_line_chars", r.LineChars, 0, s.MaxLineChars},
	}
}

func (s *Repetition) ofWords(n textstat.NGrams) []limit {
	return []limit{
		{"repetition.max_top_2_gram", n.Top[2], 0, s.MaxTop2},
		{"repetition.max_top_3_gram", n.Top[3], 0, s.MaxTop3},
		{"repetition.max_top_4_gram", n.Top[4], 0, s.MaxTop4},
		{"repetition.max_duplicate_5_grams", n.Duplicate[5], 0, s.MaxDuplicate5},
		{"repetition.max_duplicate_6_grams", n.Duplicate[6], 0, s.MaxDuplicate6},
		{"repetition.max_duplicate_7_grams", n.Duplicate[7], 0, s.MaxDuplicate7},
		{"repetition.max_duplicate_8_grams", n.Duplicate[8], 0, s.MaxDuplicate8},
		{"repetition.max_duplicate_9_grams", n.Duplicate[9], 0, s.MaxDuplicate9},
		{"repetition.max_duplicate_10_grams", n.Duplicate[10], 0, s.MaxDuplicate10},
	}
}
