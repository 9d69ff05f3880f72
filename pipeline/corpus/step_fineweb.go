package corpus

import (
	"iter"

	"fragua/pipeline/fault"
	"fragua/pipeline/textstat"
)

// FineWeb drops documents whose lines are not those of prose: lists, menus,
// pages of one repeated line (Penedo et al. 2024, arXiv 2406.17557, section 3.6).
// 0 turns a test off. A text that is not set in lines, as a novel on one, is not
// judged by its lines; see textstat.LongLines.
type FineWeb struct {
	MinTerminalLines float64 `yaml:"min_terminal_lines" doc:"Smallest share of lines that end in a mark that ends sentences."`
	MaxShortLines    float64 `yaml:"max_short_lines" doc:"Largest share of lines of at most 30 characters."`
	MaxRepeated      float64 `yaml:"max_repeated_line_chars" doc:"Largest share of characters in lines that stood before. FineWeb 2 has 0.1."`
	MaxBreaks        float64 `yaml:"max_line_breaks_per_word" doc:"Most line ends per word."`
	Compat           Compat  `yaml:"compat" doc:"With datatrove, its definition of words, and no mercy for long lines."`
}

// NewFineWeb returns the limits of FineWeb's release.
func NewFineWeb() *FineWeb {
	return &FineWeb{MinTerminalLines: .12, MaxShortLines: .67, MaxRepeated: .01, MaxBreaks: .3}
}

// Check finds what types cannot show.
func (s *FineWeb) Check() (faults []fault.Fault) {
	for _, v := range []struct {
		key   string
		value float64
	}{{"min_terminal_lines", s.MinTerminalLines}, {"max_short_lines", s.MaxShortLines}, {"max_repeated_line_chars", s.MaxRepeated}} {
		if v.value < 0 || v.value > 1 {
			faults = append(faults, fault.Fault{Path: v.key, Err: v.key + " is a share and must lie between 0 and 1", Hint: "0 turns it off"})
		}
	}
	return faults
}

// Apply runs the tests in order.
func (s *FineWeb) Apply(d *Document) (Drop, error) { return firstFailure(s.tests(d)), nil }

func (s *FineWeb) tests(d *Document) iter.Seq[Measurement] {
	return func(yield func(Measurement) bool) {
		m := d.measure(s.Compat)
		l := m.Lines()
		if s.Compat == "" && textstat.LongLines(l.Lines, m.Quality().Tokens) {
			return
		}
		limits(yield,
			limit{"fineweb.min_terminal_lines", l.Terminal, s.MinTerminalLines, 0},
			limit{"fineweb.max_short_lines", l.Short, 0, s.MaxShortLines},
			limit{"fineweb.max_repeated_line_chars", l.Duplicates, 0, s.MaxRepeated},
			limit{"fineweb.max_line_breaks_per_word", l.Breaks, 0, s.MaxBreaks},
		)
	}
}
