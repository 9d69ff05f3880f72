package boost

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// rings are points whose label no single feature tells: inside a ring or not, with a
// column of noise.
func rings(n int, seed uint64) *Table {
	rng := rand.New(rand.NewPCG(seed, 0))
	t := &Table{Width: 3}
	for range n {
		x, y := rng.IntN(2000)-1000, rng.IntN(2000)-1000
		label := float32(0)
		if r := x*x + y*y; r > 300*300 && r < 700*700 {
			label = 1
		}
		t.Rows = append(t.Rows, int16(x), int16(rng.IntN(100)), int16(y))
		t.Labels, t.Weights = append(t.Labels, label), append(t.Weights, 1)
	}
	return t
}

var small = Settings{Trees: 60, Leaves: 15, Rate: .2, MinWeight: .5, L2: 1, Features: .8, Rows: .7, Seed: 4}

func TestTrain(t *testing.T) {
	f := small.Train(rings(4000, 1))
	unseen := rings(2000, 2)
	for i := range 9 { // as many rows as lanes, and one that is alone
		one, all := f.Probabilities(unseen.Rows[3*i:3*i+3], 3), f.Probabilities(unseen.Rows[:27], 3)
		if one[0] != all[i] {
			t.Errorf("row %d alone has probability %d, among others %d", i, one[0], all[i])
		}
	}
	right := 0
	for i, p := range f.Probabilities(unseen.Rows, 3) {
		if (p >= 500) == (unseen.Labels[i] == 1) {
			right++
		}
	}
	if right < 1900 {
		t.Errorf("%d of 2000 unseen points are told right, want 1900", right)
	}
	again := small.Train(rings(4000, 1))
	if !slices.Equal(f.Append(nil), again.Append(nil)) {
		t.Error("the same table and seed give another forest")
	}
}

// TestWeights holds that a row of weight two counts as two rows.
func TestWeights(t *testing.T) {
	heavy := &Table{Width: 1, Rows: []int16{0, 1}, Labels: []float32{1, 0}, Weights: []float32{30, 10}}
	f := Settings{Trees: 1, Leaves: 2, Rate: 1, MinWeight: 100, L2: 1, Features: 1, Rows: 1}.Train(heavy)
	if p := f.Probabilities([]int16{0, 1}, 1); p[0] < 740 || p[0] > 760 || p[1] != p[0] {
		t.Errorf("without a split the probabilities are %d, want both near the weighted share, 750", p)
	}
}

func FuzzRead(f *testing.F) {
	forest := Settings{Trees: 3, Leaves: 4, Rate: .2, L2: 1, Features: 1, Rows: 1}.Train(rings(200, 1))
	f.Add(forest.Append(nil))
	f.Add([]byte("\x00\x00\x00\x00\x01\x00\x01\xff\x01\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		forest, rest, err := Read(b, 3)
		if err != nil {
			return
		}
		if !slices.Equal(forest.Append(nil), b[:len(b)-len(rest)]) {
			t.Error("what was read is written otherwise")
		}
		forest.Probabilities([]int16{1, 2, 3, -4, -5, -6}, 3)
	})
}
