package finetune

import (
	"math/rand/v2"
	"strings"
	"testing"

	"fragua/finetune/examples"
	"fragua/model"
)

// TestNoise: each kind of noise does what its name says, and no other thing.
func TestNoise(t *testing.T) {
	pair := examples.Example{Text: "Press %(key)s to open 12 files.", Target: "Pulse %(key)s para abrir 12 archivos."}
	for name, tt := range map[string]struct {
		noise Noise
		want  func(examples.Example) bool
	}{
		"upper": {Noise{Upper: 1}, func(e examples.Example) bool {
			return e.Text == strings.ToUpper(pair.Text) && e.Target == strings.ToUpper(pair.Target)
		}},
		"lower": {Noise{Lower: 1}, func(e examples.Example) bool {
			return e.Text == strings.ToLower(pair.Text) && e.Target == pair.Target
		}},
		"typos": {Noise{Typos: 1}, func(e examples.Example) bool {
			return e.Target == pair.Target && strings.Contains(e.Text, " %(key)s ") && strings.Contains(e.Text, " 12 ")
		}},
		"stop": {Noise{Stop: 1}, func(e examples.Example) bool {
			return e.Text+"." == pair.Text && e.Target+"." == pair.Target
		}},
		"spaces": {Noise{Spaces: 1}, func(e examples.Example) bool {
			return strings.Count(e.Text, "  ") == 1 && strings.ReplaceAll(e.Text, "  ", " ") == pair.Text && e.Target == pair.Target
		}},
	} {
		same := 0
		for seed := range uint64(50) {
			e, changed := tt.noise.change(pair, rand.New(rand.NewPCG(seed, 1)))
			again, _ := tt.noise.change(pair, rand.New(rand.NewPCG(seed, 1)))
			if e.Text != again.Text || !tt.want(e) {
				t.Errorf("%s: %q → %q", name, e.Text, e.Target)
			}
			if !changed {
				same++
			}
		}
		if same > 10 { // a letter may change places with its like
			t.Errorf("%s: %d of 50 pairs stayed as they were", name, same)
		}
	}
	for _, s := range []string{"", ".", "Wait...", "Why?"} {
		if got, cut := cutStop(s); cut || got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
	if e, changed := (Noise{}).change(pair, rand.New(rand.NewPCG(1, 1))); changed || e.Text != pair.Text {
		t.Error("no noise changes a pair")
	}
	if len((Noise{Upper: .7, Lower: .7}).check()) == 0 || len((Noise{Typos: 2}).check()) == 0 || len((Noise{Stop: .1}).check()) > 0 {
		t.Error("the wrong shares are refused")
	}
}

// TestNoisyBatches: batches have the noise of their epoch, the same for the same seed, and rows
// that it leaves alone are the rows that were encoded before.
func TestNoisyBatches(t *testing.T) {
	rows := make([]sequence, 40)
	for i := range rows {
		rows[i] = sequence{source: []int32{int32(i)}, ids: []int32{0, int32(i)}, learn: []bool{false, true}, class: -1, row: i}
	}
	noisy := func(row int, rng *rand.Rand) (sequence, bool) {
		s := rows[row]
		s.source = []int32{100}
		return s, rng.IntN(2) == 0
	}
	read := func(n int64) (b model.Batch) {
		if err := (&batches{rows: rows, size: 20, seed: 3, goal: NewTranslation(), noisy: noisy}).Batch(n, &b); err != nil {
			t.Fatal(err)
		}
		return b
	}
	first, again, next := read(0), read(0), read(2)
	changed, differs := 0, false
	for i, id := range first.Source.IDs {
		if id != again.Source.IDs[i] {
			t.Fatal("the same batch differs")
		}
		if id == 100 {
			changed++
		}
		differs = differs || id != next.Source.IDs[i]
	}
	if changed < 3 || changed > 17 || !differs {
		t.Errorf("%d of 20 rows are changed; another epoch differs: %v", changed, differs)
	}
}
