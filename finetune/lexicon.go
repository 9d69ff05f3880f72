package finetune

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"fragua/finetune/align"
	"fragua/finetune/examples"
	"fragua/finetune/linear"
)

// A Lexicon translates word by word: a baseline that knows words and nothing
// of grammar. Its probabilities are IBM model 1's, fitted on the training pairs.
type Lexicon struct {
	best map[string]string
}

const (
	lexiconRounds = 5
	lexiconPairs  = 30_000 // the first this many pairs: a baseline need not be costly
	lexiconWords  = 40     // longer sentences teach little and cost the square
)

// FitLexicon learns which word translates which. The same pairs give the same
// lexicon.
func FitLexicon(set []examples.Example) *Lexicon {
	var pairs []align.Pair
	source, target := newVocabulary(), newVocabulary()
	for _, e := range set[:min(len(set), lexiconPairs)] {
		s, t := source.ids(wordsAlone(e.Text)), target.ids(wordsAlone(e.Target))
		if len(s) > 0 && len(s) <= lexiconWords && len(t) > 0 && len(t) <= lexiconWords {
			pairs = append(pairs, align.Pair{Source: s, Target: t})
		}
	}
	table := align.Fit(pairs, len(source.words), lexiconRounds)
	l := &Lexicon{best: make(map[string]string, len(source.words))}
	for s, w := range source.words {
		targets, probs := table.Of(int32(s))
		best := -1
		for i, p := range probs {
			if p > 0 && (best < 0 || p > probs[best]) {
				best = i
			}
		}
		if best >= 0 {
			l.best[w] = target.words[targets[best]]
		}
	}
	return l
}

// wordsAlone leaves out points, which would pass for the translation of words
// that have none.
func wordsAlone(text string) []string {
	return slices.DeleteFunc(linear.Words(text), func(w string) bool {
		r, _ := utf8.DecodeRuneInString(w)
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// Translate puts the likeliest word for each word; unknown ones stay. Points
// are joined to the word before them, and the first letter is a capital.
func (l *Lexicon) Translate(text string) string {
	var b strings.Builder
	for _, w := range linear.Words(text) {
		if t, ok := l.best[w]; ok {
			w = t
		}
		if b.Len() > 0 && !strings.ContainsAny(w, ".,;:!?)»") {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	out := []rune(b.String())
	if len(out) > 0 {
		out[0] = []rune(strings.ToUpper(string(out[0])))[0]
	}
	return string(out)
}

type vocabulary struct {
	id    map[string]int32
	words []string
}

func newVocabulary() *vocabulary { return &vocabulary{id: map[string]int32{}} }

func (v *vocabulary) ids(ws []string) []int32 {
	out := make([]int32, len(ws))
	for i, w := range ws {
		id, ok := v.id[w]
		if !ok {
			id = int32(len(v.words))
			v.id[w] = id
			v.words = append(v.words, w)
		}
		out[i] = id
	}
	return out
}
