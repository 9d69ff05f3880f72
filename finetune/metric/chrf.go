package metric

import (
	"fmt"
	"strings"
)

// ChrF scores translations by their character n-grams of order 1 to 6, white
// space left out, as sacrebleu's chrF2 does (Popović 2015): precisions and
// recalls are averaged over the orders, and recall weighs β² = 4 times.
type ChrF struct{}

const (
	chrfOrder = 6
	chrfBeta2 = 2 * 2
)

// ChrFStats is what one sentence adds to the score.
type ChrFStats struct {
	Hyp, Ref, Match [chrfOrder]int // n-grams by order
}

// Add adds the stats of another sentence.
func (s *ChrFStats) Add(o ChrFStats) {
	for n := range s.Hyp {
		s.Hyp[n] += o.Hyp[n]
		s.Ref[n] += o.Ref[n]
		s.Match[n] += o.Match[n]
	}
}

// Stats counts one sentence, against the reference that it scores best with.
func (c ChrF) Stats(hyp string, refs ...string) ChrFStats {
	h := charNgrams(hyp)
	var best ChrFStats
	bestScore := -1.0
	for _, ref := range refs {
		var s ChrFStats
		for n, grams := range charNgrams(ref) {
			for _, count := range grams {
				s.Ref[n] += count
			}
			if len(grams) == 0 {
				continue // no reference of that length: the hypothesis' n-grams do not count
			}
			for g, count := range h[n] {
				s.Hyp[n] += count
				s.Match[n] += min(count, grams[g])
			}
		}
		if score := c.Score(s); score > bestScore {
			best, bestScore = s, score
		}
	}
	return best
}

// Score turns stats into a figure between 0 and 100.
func (ChrF) Score(s ChrFStats) float64 {
	var precision, recall float64
	orders := 0
	for n := range s.Hyp {
		if s.Hyp[n] > 0 && s.Ref[n] > 0 {
			precision += float64(s.Match[n]) / float64(s.Hyp[n])
			recall += float64(s.Match[n]) / float64(s.Ref[n])
			orders++
		}
	}
	if precision+recall == 0 {
		return 0
	}
	precision /= float64(orders)
	recall /= float64(orders)
	return 100 * (1 + chrfBeta2) * precision * recall / (chrfBeta2*precision + recall)
}

// Signature says how the score was made, in sacrebleu's notation; its version
// is the sacrebleu whose figures these equal.
func (ChrF) Signature(refs [][]string) string {
	return fmt.Sprintf("nrefs:%s|case:mixed|eff:yes|nc:%d|nw:0|space:no|version:%s", countRefs(refs), chrfOrder, sacrebleu)
}

// charNgrams counts the n-grams of a text without its white space, by order.
func charNgrams(text string) [chrfOrder]map[string]int {
	text = strings.Map(func(r rune) rune {
		if isSpace(r) {
			return -1
		}
		return r
	}, text)
	starts := make([]int, 0, len(text)+1) // of each character, and the end
	for i := range text {
		starts = append(starts, i)
	}
	starts = append(starts, len(text))
	var grams [chrfOrder]map[string]int
	for n := range grams {
		grams[n] = make(map[string]int, len(starts))
		for i := 0; i+n+1 < len(starts); i++ {
			grams[n][text[starts[i]:starts[i+n+1]]]++
		}
	}
	return grams
}
