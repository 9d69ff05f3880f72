package examples

import (
	"math"
	"strings"
	"unicode"

	"fragua/finetune/align"
)

// An aligner scores how well the words of two sentences explain each other: IBM model 1 both ways,
// fitted on the very pairs that it scores. Pairs that are no translations have words that nothing
// on the other side explains.
type aligner struct {
	words [2]map[string]int32
	pairs [][2][]int32 // the ids of each pair, 0 (no word) before the source side of either direction
}

const (
	alignRounds = 4
	alignWords  = 60      // of a side: longer sentences are scored by their beginning
	alignPairs  = 300_000 // that are learned from; all are scored
	alignFloor  = 1e-5    // probability of words that were never seen together
)

func newAligner() *aligner {
	return &aligner{words: [2]map[string]int32{{"": 0}, {"": 0}}}
}

func (a *aligner) add(source, target string) {
	var p [2][]int32
	for side, text := range [2]string{source, target} {
		p[side] = append(p[side], 0)
		for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			id, ok := a.words[side][w]
			if !ok {
				id = int32(len(a.words[side]))
				a.words[side][w] = id
			}
			if p[side] = append(p[side], id); len(p[side]) > alignWords {
				break
			}
		}
	}
	a.pairs = append(a.pairs, p)
}

// scores are the mean log-probabilities of a word given the other side, in nats, the mean of both
// directions: 0 is best. The same pairs give the same scores.
func (a *aligner) scores() []float32 {
	out := make([]float32, len(a.pairs))
	for from := range 2 {
		table := a.fit(from)
		for i, p := range a.pairs {
			given, words := p[from], p[1-from][1:]
			sum := 0.0
			for _, w := range words {
				explained := 0.0
				for _, g := range given {
					explained += table.Prob(g, w)
				}
				sum += math.Log(max(explained/float64(len(given)), alignFloor))
			}
			out[i] += float32(sum / float64(max(len(words), 1)) / 2)
		}
	}
	return out
}

// fit learns the probabilities of the other side's words given one side's.
func (a *aligner) fit(from int) *align.Table {
	var pairs []align.Pair
	for _, p := range a.pairs[:min(len(a.pairs), alignPairs)] {
		pairs = append(pairs, align.Pair{Source: p[from], Target: p[1-from][1:]})
	}
	return align.Fit(pairs, len(a.words[from]), alignRounds)
}
