package corpus

import (
	"iter"

	"fragua/pipeline/fault"
	"fragua/pipeline/textstat"
)

// GopherQuality drops documents that do not look like prose (Rae et al. 2021,
// arXiv 2112.11446, appendix A1.1), by datatrove's tests in datatrove's order;
// the first that fails gives the reason. 0 turns a test off. See
// textstat.Quality for what is counted.
type GopherQuality struct {
	MinWords        int64    `yaml:"min_words" doc:"Fewest words, punctuation aside."`
	MaxWords        int64    `yaml:"max_words" doc:"Most words; 0 for whole novels."`
	MinMeanLength   float64  `yaml:"min_mean_length" doc:"Shortest mean word, in characters."`
	MaxMeanLength   float64  `yaml:"max_mean_length" doc:"Longest mean word."`
	MaxHashes       float64  `yaml:"max_hashes" doc:"Most # per word."`
	MaxEllipses     float64  `yaml:"max_ellipses" doc:"Most ellipses per word."`
	MaxBulletLines  float64  `yaml:"max_bullet_lines" doc:"Largest share of lines that begin with a bullet or hyphen."`
	MaxEllipsisEnds float64  `yaml:"max_ellipsis_ends" doc:"Largest share of lines that end in an ellipsis."`
	MinAlphaWords   float64  `yaml:"min_alpha_words" doc:"Smallest share of words with a letter."`
	MinStopWords    int64    `yaml:"min_stop_words" doc:"Fewest different stop words of the document's language."`
	StopWords       []string `yaml:"stop_words" doc:"Stop words for every document, in place of the lists of its language."`
	Compat          Compat   `yaml:"compat" doc:"With datatrove, its definitions of words and lines, for the same verdicts."`
}

// NewGopherQuality returns the published limits.
func NewGopherQuality() *GopherQuality {
	return &GopherQuality{MinWords: 50, MaxWords: 100_000, MinMeanLength: 3, MaxMeanLength: 10, MaxHashes: .1, MaxEllipses: .1,
		MaxBulletLines: .9, MaxEllipsisEnds: .3, MinAlphaWords: .8, MinStopWords: 2}
}

// Check finds what types cannot show.
func (s *GopherQuality) Check() (faults []fault.Fault) {
	shares := []struct {
		key   string
		value float64
	}{{"max_hashes", s.MaxHashes}, {"max_ellipses", s.MaxEllipses}, {"max_bullet_lines", s.MaxBulletLines},
		{"max_ellipsis_ends", s.MaxEllipsisEnds}, {"min_alpha_words", s.MinAlphaWords}}
	for _, v := range shares {
		if v.value < 0 || v.value > 1 {
			faults = append(faults, fault.Fault{Path: v.key, Err: v.key + " is a share and must lie between 0 and 1", Hint: "0 turns it off"})
		}
	}
	for _, v := range []struct {
		key      string
		low, top float64
	}{{"words", float64(s.MinWords), float64(s.MaxWords)}, {"mean_length", s.MinMeanLength, s.MaxMeanLength}} {
		if v.low < 0 || v.top < 0 || v.top > 0 && v.low > v.top {
			faults = append(faults, fault.Fault{Path: "max_" + v.key, Err: "no document could have min_" + v.key + " and max_" + v.key + " both", Hint: "0 turns either off"})
		}
	}
	return faults
}

// Apply runs the tests in order.
func (s *GopherQuality) Apply(d *Document) (Drop, error) { return firstFailure(s.tests(d)), nil }

func (s *GopherQuality) tests(d *Document) iter.Seq[Measurement] {
	return func(yield func(Measurement) bool) {
		q := d.measure(s.Compat).Quality()
		if !limits(yield,
			limit{"gopher_quality.min_words", float64(q.Words), float64(s.MinWords), 0},
			limit{"gopher_quality.max_words", float64(q.Words), 0, float64(s.MaxWords)},
			limit{"gopher_quality.min_mean_length", q.MeanLength, s.MinMeanLength, 0},
			limit{"gopher_quality.max_mean_length", q.MeanLength, 0, s.MaxMeanLength},
			limit{"gopher_quality.max_hashes", q.Hashes, 0, s.MaxHashes},
			limit{"gopher_quality.max_ellipses", q.Ellipses, 0, s.MaxEllipses},
			limit{"gopher_quality.max_bullet_lines", q.BulletLines, 0, s.MaxBulletLines},
			limit{"gopher_quality.max_ellipsis_ends", q.EllipsisEnds, 0, s.MaxEllipsisEnds},
			limit{"gopher_quality.min_alpha_words", q.AlphaWords, s.MinAlphaWords, 0},
		) || s.MinStopWords == 0 {
			return
		}
		if n, asked := s.stopWords(d); asked {
			limits(yield, limit{"gopher_quality.min_stop_words", float64(n), float64(s.MinStopWords), 0})
		}
	}
}

// stopWords counts the different stop words, and says whether there is a list to
// ask for: in a document of a language without one it is not; in one of unknown
// language one of the lists must be met.
func (s *GopherQuality) stopWords(d *Document) (n int64, asked bool) {
	m := d.measure(s.Compat)
	switch {
	case len(s.StopWords) > 0:
		return int64(textstat.DistinctWords(m.Tokens(), s.StopWords)), true
	case s.Compat == CompatDatatrove:
		return int64(textstat.DistinctWords(m.Tokens(), stopWords["en"])), true
	case d.Language != "":
		list, ok := stopWords[d.Language]
		if m.recalled && m.stopLanguage == d.Language {
			return m.stopWords, ok
		}
		return int64(textstat.DistinctWords(m.Tokens(), list)), ok
	case m.recalled && m.stopLanguage == "":
		return m.stopWords, true
	}
	for _, list := range stopWords {
		n = max(n, int64(textstat.DistinctWords(m.Tokens(), list)))
	}
	return n, true
}
