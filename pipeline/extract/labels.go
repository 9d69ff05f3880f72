package extract

import (
	"slices"
	"strings"
	"unicode"
)

// An Example is a page whose main text is known.
type Example struct {
	HTML []byte
	Text string // the main text
	Type string // of the page, one of PageTypes
	Site string // host: pages of one site never stand on both sides of a fold
}

// Words are the words of a text as the measure of extraction counts them: runs of
// letters, numbers and underscores, in lower case.
func Words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != '_' })
}

// labels tells for each block how much of it is main text, 0 to 1. A word counts
// where four words around it follow each other in the main text as well; a short
// block also where it is a line of the main text. Of blocks with the same words,
// as many are kept as the main text has, those among main text first.
func labels(blocks []block, text string) []float64 {
	const n = 4
	gold := Words(text)
	lines := map[string]bool{}
	for line := range strings.Lines(text) {
		lines[strings.Join(Words(line), " ")] = true
	}
	grams := map[[n]string]bool{}
	for i := 0; i+n <= len(gold); i++ {
		grams[[n]string(gold[i:i+n])] = true
	}
	var words []string
	starts := make([]int, len(blocks)+1)
	for i := range blocks {
		words = append(words, Words(blocks[i].text)...)
		starts[i+1] = len(words)
	}
	covered := make([]bool, len(words))
	for i := 0; i+n <= len(words); i++ {
		if grams[[n]string(words[i:i+n])] {
			for j := range n {
				covered[i+j] = true
			}
		}
	}
	out := make([]float64, len(blocks))
	for i := range blocks {
		from, to := starts[i], starts[i+1]
		if from == to {
			out[i] = -1 // no words: nothing is known
			continue
		}
		in := 0
		for _, c := range covered[from:to] {
			in += toInt(c)
		}
		out[i] = float64(in) / float64(to-from)
		if out[i] < .5 && to-from <= 8 && lines[strings.Join(words[from:to], " ")] {
			out[i] = 1
		}
	}
	return withoutSurplus(out, words, starts, gold)
}

func withoutSurplus(out []float64, words []string, starts []int, gold []string) []float64 {
	want := map[string]int{}
	for _, w := range gold {
		want[w]++
	}
	have := map[string]int{}
	var chosen []int
	for i, y := range out {
		if y >= .5 {
			chosen = append(chosen, i)
			for _, w := range words[starts[i]:starts[i+1]] {
				have[w]++
			}
		}
	}
	// Support is the share of main text among the two hundred words around a block.
	support := make([]float64, len(out))
	for _, i := range chosen {
		all, in := 0., 0.
		for d := 1; d < 40 && all < 200; d++ {
			for _, j := range []int{i - d, i + d} {
				if j >= 0 && j < len(out) && out[j] >= 0 {
					size := float64(starts[j+1] - starts[j])
					all += size
					in += size * out[j]
				}
			}
		}
		support[i] = in / max(1, all)
	}
	slices.SortStableFunc(chosen, func(a, b int) int {
		switch {
		case support[a] < support[b]:
			return -1
		case support[a] > support[b]:
			return 1
		}
		return 0
	})
	for _, i := range chosen {
		block := words[starts[i]:starts[i+1]]
		surplus := 0
		for _, w := range block {
			surplus += toInt(have[w] > want[w])
		}
		if surplus*10 >= len(block)*9 {
			out[i] = 0
			for _, w := range block {
				have[w]--
			}
		}
	}
	return out
}

// Score is precision, recall and F1 of a text against the right one, each counted
// as a bag of words.
func Score(got, want string) (p, r, f1 float64) {
	left := map[string]int{}
	wantWords, gotWords := Words(want), Words(got)
	for _, w := range wantWords {
		left[w]++
	}
	both := 0.
	for _, w := range gotWords {
		if left[w] > 0 {
			left[w]--
			both++
		}
	}
	if len(gotWords) == 0 || len(wantWords) == 0 {
		if len(gotWords) == len(wantWords) {
			return 1, 1, 1
		}
		return 0, 0, 0
	}
	p, r = both/float64(len(gotWords)), both/float64(len(wantWords))
	if both == 0 {
		return 0, 0, 0
	}
	return p, r, 2 * p * r / (p + r)
}
