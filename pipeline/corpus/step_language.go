package corpus

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"fragua/pipeline/fault"
	"fragua/pipeline/textstat"
)

// Language measures the language of a document, and can keep some alone. It
// replaces a declared language: labels lie.
type Language struct {
	Keep     []string `yaml:"keep" doc:"Codes of the languages to keep, such as [en, es]; all if left out."`
	Among    []string `yaml:"among" doc:"Codes to choose from, where it is known which languages can occur; all if left out."`
	MinScore float64  `yaml:"min_score" doc:"How probable the language must be, 0 to 1; 0 turns it off."`

	Paragraphs bool `yaml:"paragraphs" doc:"Remove paragraphs that are clearly in none of the languages to keep."`
}

// Check finds what types cannot show.
func (s *Language) Check() (faults []fault.Fault) {
	for _, list := range []struct {
		key   string
		codes []string
	}{{"keep", s.Keep}, {"among", s.Among}} {
		for i, code := range list.codes {
			if !textstat.KnownLanguage(code) {
				hint := "write ISO 639 codes: en, es, fr, de, pt …"
				if usual := textstat.UsualCode(code); usual != "" {
					hint = "write " + usual
				}
				faults = append(faults, fault.Fault{Path: fmt.Sprintf("%s[%d]", list.key, i), Err: fmt.Sprintf("no language %q is known", code), Hint: hint})
			}
		}
	}
	if s.MinScore < 0 || s.MinScore > 1 {
		faults = append(faults, fault.Fault{Path: "min_score", Err: "min_score must lie between 0 and 1", Hint: "min_score: 0.5"})
	}
	if s.Paragraphs && len(s.Keep) == 0 {
		faults = append(faults, fault.Fault{Path: "paragraphs", Err: "paragraphs removes nothing where every language is kept", Hint: "keep: [en]"})
	}
	return faults
}

// A paragraph of another language is removed if it has foreignWords and that
// language foreignScore: names, titles and quotations of a few words stay.
const (
	foreignWords = 8
	foreignScore = 0.8
)

// Apply sets language and language_score, and removes foreign paragraphs.
func (s *Language) Apply(d *Document) (Drop, error) {
	d.Language, d.LanguageScore = textstat.Language(d.Text, s.Among...)
	drop := firstFailure(s.tests(d))
	if s.Paragraphs && drop.Rule == "" {
		var kept []string
		for p := range textstat.Passages(d.Text, s.Among...) {
			if p.Language == "" || slices.Contains(s.Keep, p.Language) || p.Score < foreignScore || textstat.CountWords(p.Text) < foreignWords {
				kept = append(kept, p.Text)
			}
		}
		d.Text = strings.Join(kept, "\n\n")
	}
	return drop, nil
}

func (s *Language) tests(d *Document) iter.Seq[Measurement] {
	return func(yield func(Measurement) bool) {
		note := "language " + d.Language
		if s.MinScore > 0 && !yield(Measurement{Rule: "language.min_score", Value: d.LanguageScore, Limit: s.MinScore, Failed: d.LanguageScore < s.MinScore, Note: note}) {
			return
		}
		if len(s.Keep) > 0 {
			yield(Measurement{Rule: "language.keep", Value: d.LanguageScore, Limit: s.MinScore, Failed: !slices.Contains(s.Keep, d.Language), Note: note})
		}
	}
}
