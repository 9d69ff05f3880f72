package corpus

import (
	"iter"

	"fragua/pipeline/fault"
	"fragua/pipeline/textstat"
)

// Repetition drops documents that repeat their own lines or paragraphs: the
// line and paragraph rules of Gopher (Rae et al. 2021, table A1), counting
// copies after the first. 0 turns a test off.
type Repetition struct {
	MaxParagraphs     float64 `yaml:"max_paragraphs" doc:"Largest share of paragraphs that stood before."`
	MaxParagraphChars float64 `yaml:"max_paragraph_chars" doc:"Largest share of characters in such paragraphs."`
	MaxLines          float64 `yaml:"max_lines" doc:"Largest share of lines that stood before."`
	MaxLineChars      float64 `yaml:"max_line_chars" doc:"Largest share of characters in such lines."`
}

// NewRepetition returns the published limits.
func NewRepetition() *Repetition {
	return &Repetition{MaxParagraphs: .3, MaxParagraphChars: .2, MaxLines: .3, MaxLineChars: .2}
}

// Check finds what types cannot show.
func (s *Repetition) Check() (faults []fault.Fault) {
	for _, v := range []struct {
		key   string
		value float64
	}{{"max_paragraphs", s.MaxParagraphs}, {"max_paragraph_chars", s.MaxParagraphChars}, {"max_lines", s.MaxLines}, {"max_line_chars", s.MaxLineChars}} {
		if v.value < 0 || v.value > 1 {
			faults = append(faults, fault.Fault{Path: v.key, Err: v.key + " is a share and must lie between 0 and 1", Hint: "0 turns it off"})
		}
	}
	return faults
}

// Apply runs the tests in order.
func (s *Repetition) Apply(d *Document) (Drop, error) { return firstFailure(s.tests(d)), nil }

func (s *Repetition) tests(d *Document) iter.Seq[Measurement] {
	return func(yield func(Measurement) bool) {
		r := textstat.MeasureRepetition(d.Text)
		limits(yield,
			limit{"repetition.max_paragraphs", r.DuplicateParas, 0, s.MaxParagraphs},
			limit{"repetition.max_paragraph_chars", r.ParaChars, 0, s.MaxParagraphChars},
			limit{"repetition.max_lines", r.DuplicateLines, 0, s.MaxLines},
			limit{"repetition.max_line_chars", r.LineChars, 0, s.MaxLineChars},
		)
	}
}
