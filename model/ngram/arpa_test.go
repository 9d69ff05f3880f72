package ngram

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// TestARPA scores texts from the file by its rule (the longest n-gram that is there, and the
// weights of the contexts that are not) as the model does.
func TestARPA(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	ids := make([]int32, 400)
	for i := range ids {
		ids[i] = int32(rng.IntN(6) * rng.IntN(2))
	}
	m, err := Train(Options{Order: 3, Vocab: 7, End: 6}, func(yield func([]int32) bool) { yield(append(ids, 6)) })
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	word := func(id int32) string { return fmt.Sprintf("w%d", id) }
	if err := m.WriteARPA(&b, word); err != nil {
		t.Fatal(err)
	}
	p, back := map[string]float64{}, map[string]float64{}
	lines := 0
	for line := range strings.Lines(b.String()) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) < 2 {
			continue
		}
		lines++
		p[f[1]], _ = strconv.ParseFloat(f[0], 64)
		if len(f) > 2 {
			back[f[1]], _ = strconv.ParseFloat(f[2], 64)
		}
	}
	sum := 2
	for k, n := range m.NGrams() {
		if sum += n; !strings.Contains(b.String(), fmt.Sprintf("ngram %d=", k+1)) {
			t.Errorf("no count of order %d", k+1)
		}
	}
	if lines != sum {
		t.Errorf("%d n-grams are written, want %d", lines, sum)
	}
	name := func(id int32) string {
		if id == 6 {
			return "</s>"
		}
		return word(id)
	}
	for i := 2; i < 300; i++ {
		h, sum := []string{name(ids[i-2]), name(ids[i-1])}, 0.0
		for {
			if x, ok := p[strings.Join(append(h[:len(h):len(h)], name(ids[i])), " ")]; ok {
				sum += x
				break
			}
			sum += back[strings.Join(h, " ")]
			h = h[1:]
		}
		if want := m.LogProb(ids[i-2:i], ids[i]) / math.Ln10; math.Abs(sum-want) > 1e-5 {
			t.Fatalf("id %d: %g in the file, %g in the model", i, sum, want)
		}
	}
}
