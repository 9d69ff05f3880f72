package align_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"fragua/finetune/align"
)

// TestFit: the example of Knight's tutorial (1999, section 25): two pairs, of which one is a part of
// the other, are enough to tell the words apart.
func TestFit(t *testing.T) {
	const house, blue = 0, 1
	pairs := []align.Pair{{Source: []int32{blue, house}, Target: []int32{10, 11}}, {Source: []int32{house}, Target: []int32{10}}}
	table := align.Fit(pairs, 2, 30)
	for _, c := range []struct {
		s, t int32
		want float64
	}{{house, 10, 1}, {house, 11, 0}, {blue, 10, 0}, {blue, 11, 1}} {
		if got := table.Prob(c.s, c.t); math.Abs(got-c.want) > .05 {
			t.Errorf("p(%d | %d) = %v, want about %v", c.t, c.s, got, c.want)
		}
	}
	if table.Prob(house, 99) != 0 {
		t.Error("a word that was never seen has a probability")
	}
}

// TestProbabilities: those of a source add up to one, whatever the pairs.
func TestProbabilities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfN(rapid.Int32Range(0, 6), 0, 5)
		var pairs []align.Pair
		for range rapid.IntRange(1, 8).Draw(t, "pairs") {
			pairs = append(pairs, align.Pair{Source: ids.Draw(t, "source"), Target: ids.Draw(t, "target")})
		}
		table := align.Fit(pairs, 7, 3)
		for s := range int32(7) {
			targets, probs := table.Of(s)
			sum := 0.0
			for i, p := range probs {
				sum += float64(p)
				if got := table.Prob(s, targets[i]); got != float64(p) {
					t.Fatalf("Prob says %v, Of %v", got, p)
				}
			}
			if len(probs) > 0 && math.Abs(sum-1) > 1e-5 {
				t.Fatalf("the probabilities of %d add up to %v", s, sum)
			}
		}
	})
}
