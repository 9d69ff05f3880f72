package metric

import (
	"fmt"
	"math"
	"strings"
)

// The release of sacrebleu whose figures ours are held to by goldens.
const sacrebleu = "2.6.0"

// BLEU scores a set of translations against references as sacrebleu does
// (Papineni et al. 2002; Post 2018): clipped n-gram precisions of order 1 to 4
// over the whole set, their geometric mean, and a penalty for brevity.
// Orders without a match are smoothed exponentially (Chen and Cherry 2014,
// method 3). The zero value is sacrebleu's default.
type BLEU struct {
	Tokenize       string // "13a" (default), "intl" or "none"
	EffectiveOrder bool   // leave out orders that the hypothesis is too short for: for single sentences
}

const bleuOrder = 4

// BLEUStats is what one sentence adds to the score; sums of them are the
// stats of a set.
type BLEUStats struct {
	Hyp, Ref       int // tokens of the hypothesis, and of the reference nearest in length
	Correct, Total [bleuOrder]int
}

// Add adds the stats of another sentence.
func (s *BLEUStats) Add(o BLEUStats) {
	s.Hyp += o.Hyp
	s.Ref += o.Ref
	for n := range s.Correct {
		s.Correct[n] += o.Correct[n]
		s.Total[n] += o.Total[n]
	}
}

// Stats counts one sentence; of several references the best count of each
// n-gram holds, and the length nearest to the hypothesis (the shorter of two).
func (b BLEU) Stats(hyp string, refs ...string) BLEUStats {
	words := b.tokens(hyp)
	most := map[string]int{}
	s := BLEUStats{Hyp: len(words), Ref: -1}
	for _, ref := range refs {
		r := b.tokens(ref)
		for g, n := range wordNgrams(r) {
			most[g] = max(most[g], n)
		}
		d, best := abs(len(r)-s.Hyp), abs(s.Ref-s.Hyp)
		if s.Ref < 0 || d < best || d == best && len(r) < s.Ref {
			s.Ref = len(r)
		}
	}
	s.Ref = max(s.Ref, 0)
	for g, n := range wordNgrams(words) {
		order := strings.Count(g, " ")
		s.Total[order] += n
		s.Correct[order] += min(n, most[g])
	}
	return s
}

// Score turns stats into a figure between 0 and 100.
func (b BLEU) Score(s BLEUStats) float64 {
	penalty := 1.0
	if s.Hyp < s.Ref {
		if s.Hyp == 0 {
			return 0
		}
		penalty = math.Exp(1 - float64(s.Ref)/float64(s.Hyp))
	}
	if s.Correct == ([bleuOrder]int{}) {
		return 0
	}
	precision := [bleuOrder]float64{}
	smooth, order := 1.0, bleuOrder
	for n := range precision {
		if s.Total[n] == 0 {
			break
		}
		if b.EffectiveOrder {
			order = n + 1
		}
		if s.Correct[n] == 0 {
			smooth *= 2
			precision[n] = 100 / (smooth * float64(s.Total[n]))
		} else {
			precision[n] = 100 * float64(s.Correct[n]) / float64(s.Total[n])
		}
	}
	sum := 0.0
	for _, p := range precision[:order] {
		if p == 0 {
			return 0 // an order that no hypothesis was long enough for
		}
		sum += math.Log(p)
	}
	return penalty * math.Exp(sum/float64(order))
}

// Signature says how the score was made, in sacrebleu's notation; its version
// is the sacrebleu whose figures these equal.
func (b BLEU) Signature(refs [][]string) string {
	return fmt.Sprintf("nrefs:%s|case:mixed|eff:%s|tok:%s|smooth:exp|version:%s",
		countRefs(refs), yesNo(b.EffectiveOrder), b.tokenizer(), sacrebleu)
}

func (b BLEU) tokenizer() string {
	if b.Tokenize == "" {
		return "13a"
	}
	return b.Tokenize
}

// wordNgrams counts the n-grams of order 1 to 4; the key joins the words with
// spaces, which no word contains.
func wordNgrams(words []string) map[string]int {
	grams := make(map[string]int, bleuOrder*len(words))
	for n := 1; n <= bleuOrder; n++ {
		for i := 0; i+n <= len(words); i++ {
			grams[strings.Join(words[i:i+n], " ")]++
		}
	}
	return grams
}

func countRefs(refs [][]string) string {
	for _, r := range refs {
		if len(r) != len(refs[0]) {
			return "var"
		}
	}
	if len(refs) == 0 {
		return "0"
	}
	return fmt.Sprint(len(refs[0]))
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func abs(n int) int { return max(n, -n) }
