package corpus

import "fragua/pipeline/textstat"

// Compat says by whose definitions a step measures, where others' differ from ours.
type Compat string

// CompatDatatrove is datatrove, with spaCy's tokens for English.
const CompatDatatrove Compat = "datatrove"

// Values lists those that there are.
func (Compat) Values() []string { return []string{string(CompatDatatrove)} }

// measured is what was measured of it, so that several steps measure it once.
type measured struct {
	text       string // what the rest is of
	compat     Compat
	tokens     []string
	quality    *textstat.Quality
	repetition *textstat.Repetition
	ngrams     *textstat.NGrams
	lines      *textstat.Lines

	recalled     bool // from signals: stopWords are those of the list of stopLanguage
	stopWords    int64
	stopLanguage string
}

// measure returns what is known of the document's text as it stands.
func (d *Document) measure(by Compat) *measured {
	m := &d.measured
	if by != "" {
		m = &d.measuredAs
	}
	if m.text != d.Text || m.compat != by {
		*m = measured{text: d.Text, compat: by}
	}
	return m
}

func (m *measured) Tokens() []string {
	if m.tokens == nil {
		if m.compat == CompatDatatrove {
			m.tokens = textstat.EnglishTokens(m.text)
		} else {
			m.tokens = textstat.TokenList(m.text)
		}
	}
	return m.tokens
}

func (m *measured) Quality() textstat.Quality {
	if m.quality == nil {
		measure := textstat.MeasureQuality
		if m.compat == CompatDatatrove {
			measure = textstat.DatatroveQuality
		}
		q := measure(m.text, m.Tokens())
		m.quality = &q
	}
	return *m.quality
}

func (m *measured) Repetition() textstat.Repetition {
	if m.repetition == nil {
		measure := textstat.MeasureRepetition
		if m.compat == CompatDatatrove {
			measure = textstat.DatatroveRepetition
		}
		r := measure(m.text)
		m.repetition = &r
	}
	return *m.repetition
}

func (m *measured) NGrams() textstat.NGrams {
	if m.ngrams == nil {
		atLeast := 2
		if m.compat == CompatDatatrove {
			atLeast = 1
		}
		n := textstat.MeasureNGrams(m.text, m.Tokens(), atLeast)
		m.ngrams = &n
	}
	return *m.ngrams
}

func (m *measured) Lines() textstat.Lines {
	if m.lines == nil {
		tokens := 0
		if m.quality != nil {
			tokens = m.quality.Tokens
		} else {
			tokens = len(m.Tokens())
		}
		l := textstat.MeasureLines(m.text, tokens)
		m.lines = &l
	}
	return *m.lines
}
