package finetune

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"fragua/finetune/examples"
	"fragua/finetune/linear"
)

// A Lexicon translates word by word: a baseline that knows words and nothing
// of grammar. Its probabilities are IBM model 1's (Brown et al. 1993, section
// 4.1), fitted by expectation maximisation on the training pairs.
type Lexicon struct {
	best map[string]string
}

const (
	lexiconRounds = 5
	lexiconPairs  = 30_000 // the first so many pairs: a baseline need not be costly
	lexiconWords  = 40     // longer sentences teach little and cost the square
)

// FitLexicon learns which word translates which. The same pairs give the same
// lexicon.
func FitLexicon(set []examples.Example) *Lexicon {
	type pair struct{ s, t []int32 }
	var pairs []pair
	source, target := newVocabulary(), newVocabulary()
	for _, e := range set[:min(len(set), lexiconPairs)] {
		s, t := source.ids(wordsAlone(e.Text)), target.ids(wordsAlone(e.Target))
		if len(s) > 0 && len(s) <= lexiconWords && len(t) > 0 && len(t) <= lexiconWords {
			pairs = append(pairs, pair{s, t})
		}
	}
	prob := map[uint64]float64{} // of target word given source word
	key := func(s, t int32) uint64 { return uint64(s)<<32 | uint64(uint32(t)) }
	for _, p := range pairs {
		for _, s := range p.s {
			for _, t := range p.t {
				prob[key(s, t)] = 1
			}
		}
	}
	total := make([]float64, len(source.words))
	share := make([]float64, lexiconWords)
	for range lexiconRounds {
		count := make(map[uint64]float64, len(prob))
		clear(total)
		for _, p := range pairs {
			for _, t := range p.t {
				sum := 0.0
				for i, s := range p.s {
					share[i] = prob[key(s, t)]
					sum += share[i]
				}
				for i, s := range p.s {
					c := share[i] / sum
					count[key(s, t)] += c
					total[s] += c
				}
			}
		}
		for k, c := range count {
			prob[k] = c / total[k>>32]
		}
	}
	bestID, bestP := make([]int32, len(source.words)), make([]float64, len(source.words))
	for k, p := range prob {
		s, t := int32(k>>32), int32(uint32(k))
		if p > bestP[s] || p == bestP[s] && t < bestID[s] { // the order of a map must not matter
			bestID[s], bestP[s] = t, p
		}
	}
	l := &Lexicon{best: make(map[string]string, len(source.words))}
	for s, w := range source.words {
		if bestP[s] > 0 {
			l.best[w] = target.words[bestID[s]]
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
