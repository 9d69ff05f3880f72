package corpus

import (
	"fmt"
	"iter"
	"slices"

	"fragua/pipeline/fault"
	"fragua/pipeline/textstat"
)

// Language measures the language of a document, and can keep some alone. It
// replaces a declared language: labels lie.
type Language struct {
	Keep     []string `yaml:"keep" doc:"Codes of the languages to keep, such as [en, es]; all if left out."`
	Among    []string `yaml:"among" doc:"Codes to choose from, where it is known which languages can occur; all if left out."`
	MinScore float64  `yaml:"min_score" doc:"How sure the language must be, 0 to 1; 0 turns it off."`
}

// Check finds what types cannot show.
func (s *Language) Check() (faults []fault.Fault) {
	for _, list := range []struct {
		key   string
		codes []string
	}{{"keep", s.Keep}, {"among", s.Among}} {
		for i, code := range list.codes {
			if !textstat.KnownLanguage(code) {
				faults = append(faults, fault.Fault{Path: fmt.Sprintf("%s[%d]", list.key, i), Err: fmt.Sprintf("no language %q is known", code),
					Hint: "write ISO 639 codes: en, es, fr, de, pt …"})
			}
		}
	}
	if s.MinScore < 0 || s.MinScore > 1 {
		faults = append(faults, fault.Fault{Path: "min_score", Err: "min_score must lie between 0 and 1", Hint: "min_score: 0.5"})
	}
	return faults
}

// Apply sets language and language_score.
func (s *Language) Apply(d *Document) (Drop, error) {
	d.Language, d.LanguageScore = textstat.Language(d.Text, s.Among...)
	return firstFailure(s.tests(d)), nil
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
