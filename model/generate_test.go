package model

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"fragua/model/kernel"
)

// hashed is a decoder over few ids whose logits are a hash of all that a row was fed.
type hashed struct {
	vocab int
	rows  [][]int32
}

func (h *hashed) Feed(ids [][]int32) []float32 {
	if h.rows == nil {
		h.rows = make([][]int32, len(ids))
	}
	var logits []float32
	for r := range ids {
		h.rows[r] = append(slices.Clone(h.rows[r]), ids[r]...)
		logits = append(logits, h.logits(h.rows[r])...)
	}
	return logits
}

func (h *hashed) Select(rows []int) {
	next := make([][]int32, len(rows))
	for i, r := range rows {
		next[i] = h.rows[r]
	}
	h.rows = next
}

func (h *hashed) logits(ids []int32) []float32 {
	seed := uint64(len(ids))
	for _, id := range ids {
		seed = seed*31 + uint64(id)
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	z := make([]float32, h.vocab)
	for i := range z {
		z[i] = float32(2 * rng.NormFloat64())
	}
	return z
}

// exhaust scores every text of at most limit ids and returns the best.
func (h *hashed) exhaust(prompt, ids []int32, logProb float64, s Search, limit int) (best Hypothesis) {
	best.Score = math.Inf(-1)
	z := h.logits(append(slices.Clone(prompt), ids...))
	norm := kernel.LogSumExp(z)
	end := logProb + float64(z[s.End]) - norm
	if len(ids) >= min(s.MinLen, limit) {
		best = Hypothesis{IDs: slices.Clone(ids), LogProb: end, Score: end / s.Penalty.divisor(len(ids)+1, s.Alpha)}
	}
	if len(ids) == limit {
		return best
	}
	for id := range z {
		if int32(id) == s.End {
			continue
		}
		if b := h.exhaust(prompt, append(slices.Clone(ids), int32(id)), logProb+float64(z[id])-norm, s, limit); b.Score > best.Score {
			best = b
		}
	}
	return best
}

// TestBeamFindsTheBest compares wide beams with every text there is.
func TestBeamFindsTheBest(t *testing.T) {
	prompts := [][]int32{{1}, {2, 3, 1}, {0, 3}}
	limits := []int{3, 4, 2}
	for _, s := range []Search{
		{Beams: 64, Alpha: 0},
		{Beams: 64, Alpha: 1, Penalty: ByLength},
		{Beams: 64, Alpha: .6, Penalty: GNMT},
		{Beams: 64, Alpha: 1, MinLen: 2},
	} {
		s.Limit = func(p int) int { return limits[p] }
		got, err := Beam(context.Background(), &hashed{vocab: 4}, prompts, s)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range prompts {
			want := (&hashed{vocab: 4}).exhaust(p, nil, 0, s, limits[i])
			if g := got[i][0]; !slices.Equal(g.IDs, want.IDs) || math.Abs(g.Score-want.Score) > 1e-9 || math.Abs(g.LogProb-want.LogProb) > 1e-9 {
				t.Errorf("prompt %d with %+v: %+v, the best of all is %+v", i, s, g, want)
			}
			if !slices.IsSortedFunc(got[i], func(a, b Hypothesis) int { return likelier(candidate{p: a.Score}, candidate{p: b.Score}) }) {
				t.Errorf("prompt %d: not in order of score", i)
			}
		}
	}
}

// TestTopLogits compares the scan with a full sort, with equal logits and banned ones among them.
func TestTopLogits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := make([]float32, rapid.IntRange(1, 40).Draw(t, "ids"))
		var all []candidate
		for i := range row {
			if row[i] = float32(rapid.IntRange(-3, 3).Draw(t, "logit")); row[i] == -3 {
				row[i] = negInf
				continue
			}
			all = append(all, candidate{int32(i), float64(row[i])})
		}
		slices.SortFunc(all, likelier)
		k := rapid.IntRange(1, 8).Draw(t, "k")
		if got := topLogits(row, k); !slices.Equal(got, all[:min(k, len(all))]) {
			t.Fatalf("%v of %v, want %v", got, row, all)
		}
	})
}

// TestBeamNeverRepeats: of a model that would say the same for ever no n-gram comes twice.
func TestBeamNeverRepeats(t *testing.T) {
	for _, beams := range []int{1, 4} {
		s := Search{Beams: beams, End: 0, NoRepeat: 3, Limit: func(int) int { return 30 }}
		got, err := Beam(context.Background(), &stuck{}, [][]int32{{1}, {2}}, s)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range got {
			seen := map[[3]int32]bool{}
			for i := 0; i+3 <= len(h[0].IDs); i++ {
				gram := [3]int32(h[0].IDs[i : i+3])
				if seen[gram] {
					t.Errorf("%d beams: %v has %v twice", beams, h[0].IDs, gram)
				}
				seen[gram] = true
			}
		}
	}
	s := Search{Beams: 1, Limit: func(int) int { return 30 }}
	if got, _ := Beam(context.Background(), &stuck{}, [][]int32{{1}}, s); !slices.Equal(got[0][0].IDs[:4], []int32{3, 3, 3, 3}) {
		t.Errorf("without no_repeat it says %v", got[0][0].IDs)
	}
}

// stuck is a decoder that always wants id 3, then 2, then 1, and its end least.
type stuck struct{}

func (*stuck) Feed(ids [][]int32) (logits []float32) {
	for range ids {
		logits = append(logits, 0, 1, 2, 9)
	}
	return logits
}

func (*stuck) Select([]int) {}

// TestOneBeamIsGreedy compares a beam of 1 with Generate on a real model, and
// checks that more beams never find what is less likely in sum.
func TestOneBeamIsGreedy(t *testing.T) {
	m := build(t, small()["llama"])
	perturb(m)
	prompts := [][]int32{{1, 2, 3}, {4}, {5, 6}}
	s := Search{Beams: 1, End: 7, Limit: func(int) int { return 12 }}
	got, err := Beam(context.Background(), m.Decoder(), prompts, s)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range prompts {
		want := slices.Collect(Generate(context.Background(), m.Decoder(), p, 12, []int32{7}, Sampler{}))
		if !slices.Equal(got[i][0].IDs, want) {
			t.Errorf("prompt %d: %v, greedy gives %v", i, got[i][0].IDs, want)
		}
	}
}

func TestBeamRefuses(t *testing.T) {
	limit := func(int) int { return 1 }
	for name, s := range map[string]Search{"no beams": {Limit: limit}, "no limit": {Beams: 1}} {
		if _, err := Beam(context.Background(), &hashed{vocab: 3}, [][]int32{{1}}, s); err == nil {
			t.Error(name, "was accepted")
		}
	}
	if _, err := Beam(context.Background(), &hashed{vocab: 3}, [][]int32{{}}, Search{Beams: 1, Limit: limit}); err == nil {
		t.Error("an empty prompt was accepted")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Beam(ctx, &hashed{vocab: 3}, [][]int32{{1}}, Search{Beams: 1, Limit: limit}); err == nil {
		t.Error("a cancelled search went on")
	}
}

// fixed always gives the same logits.
type fixed []float32

func (f fixed) Feed([][]int32) []float32 { return f }
func (f fixed) Select([]int)             {}

// TestSampler counts draws: they follow the softmax of what is left over.
func TestSampler(t *testing.T) {
	p := []float64{.4, .3, .15, .1, .05}
	logits := make(fixed, len(p))
	for i, q := range p {
		logits[i] = float32(math.Log(q))
	}
	sharp := 0.0
	for _, q := range p {
		sharp += q * q
	}
	for _, tt := range []struct {
		name string
		s    Sampler
		want []float64
	}{
		{"greedy", Sampler{}, []float64{1, 0, 0, 0, 0}},
		{"all", Sampler{Temperature: 1}, p},
		{"temperature", Sampler{Temperature: .5}, []float64{.16 / sharp, .09 / sharp, .0225 / sharp, .01 / sharp, .0025 / sharp}},
		{"top 2", Sampler{Temperature: 1, TopK: 2}, []float64{4. / 7, 3. / 7, 0, 0, 0}},
		{"top p", Sampler{Temperature: 1, TopP: .8}, []float64{.4 / .85, .3 / .85, .15 / .85, 0, 0}},
		{"both", Sampler{Temperature: 1, TopK: 3, TopP: .5}, []float64{4. / 7, 3. / 7, 0, 0, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const n = 20000
			tt.s.Seed = 3
			counts := make([]float64, len(p))
			for id := range Generate(context.Background(), logits, []int32{0}, n, nil, tt.s) {
				counts[id]++
			}
			for i, want := range tt.want {
				if got := counts[i] / n; math.Abs(got-want) > 4*math.Sqrt(want*(1-want)/n) {
					t.Errorf("id %d: drawn with %.4f, want %.4f", i, got, want)
				}
			}
		})
	}
}

func TestGenerateStops(t *testing.T) {
	logits := fixed{0, 3, 1}
	collect := func(n int, stop []int32, s Sampler) []int32 {
		return slices.Collect(Generate(context.Background(), logits, []int32{0}, n, stop, s))
	}
	if got := collect(4, nil, Sampler{}); !slices.Equal(got, []int32{1, 1, 1, 1}) {
		t.Error("greedy:", got)
	}
	if got := collect(4, []int32{1}, Sampler{}); len(got) != 0 {
		t.Error("a stop id was yielded:", got)
	}
	if got := collect(4, nil, Sampler{Repetition: 4}); !slices.Equal(got, []int32{1, 2, 1, 1}) { // 3; then 3/4 under 1; then 3/4 over 1/4
		t.Error("repetition penalty:", got)
	}
	s := Sampler{Temperature: 2, Seed: 9}
	if a, b := collect(50, nil, s), collect(50, nil, s); !slices.Equal(a, b) {
		t.Error("the same seed draws otherwise")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range Generate(ctx, logits, []int32{0}, 4, nil, Sampler{}) {
		t.Error("a cancelled generation went on")
	}
}

func TestTopIsASort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list []candidate
		for i, v := range rapid.SliceOf(rapid.IntRange(0, 9)).Draw(t, "likelihoods") {
			list = append(list, candidate{int32(i), float64(v)})
		}
		k := rapid.IntRange(0, len(list)).Draw(t, "k")
		want := slices.Clone(list)
		slices.SortFunc(want, likelier)
		if got := top(list, k); !slices.Equal(got, want[:k]) {
			t.Fatalf("top %d: %v, want %v", k, got, want[:k])
		}
	})
}

func TestNearest(t *testing.T) {
	const far = 100 // from the origin: without their mean all rows would point the same way
	space := NewSpace([]float32{far + 1, far, far, far + 2, far, far, far - 3, far - 1, far + 2, far - 1}, 2)
	got := space.Nearest([]float32{0, 5}, 3)
	if len(got) != 3 || got[0].ID != 1 || got[0].Cosine != 1 || got[1].ID != 0 || got[1].Cosine != 0 || got[2].ID != 3 {
		t.Errorf("%+v", got)
	}
	if v := space.Vector([]int32{0, 3}); v[0] != -1 || v[1] != -.5 {
		t.Errorf("the mean of two rows: %v", v)
	}
	if got := space.Nearest([]float32{0, 0}, 3); len(got) != 0 {
		t.Errorf("near nothing: %+v", got)
	}
}

func TestCheckFindsAll(t *testing.T) {
	for _, tt := range []struct {
		a    Arch
		want []string
	}{
		{&GPT{Layers: 1, Heads: 3, Width: 8}, []string{"heads"}},
		{&GPT{Layers: 0, Heads: 0, Width: -1, Dropout: 1}, []string{"layers", "heads", "width", "dropout"}},
		{&Llama{Layers: 1, Heads: 4, KVHeads: 3, Width: 12, Theta: 1}, []string{"kv_heads", "heads", "theta"}},
		{Archs()["gpt"](), nil},
		{Archs()["llama"](), nil},
	} {
		var got []string
		for _, f := range tt.a.Check() {
			got = append(got, f.Path)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%+v: faults at %v, want %v", tt.a, got, tt.want)
		}
		if _, err := tt.a.Build(5, 4, 1); (err != nil) != (tt.want != nil) {
			t.Errorf("%+v: built with error %v", tt.a, err)
		}
	}
}

func TestBatchCheck(t *testing.T) {
	m := build(t, small()["gpt"])
	for name, b := range map[string]*Batch{
		"empty":                     {},
		"short":                     {B: 1, T: 2, IDs: []int32{1}},
		"id out of vocabulary":      {B: 1, T: 1, IDs: []int32{testVocab}},
		"target out of vocabulary":  {B: 1, T: 1, IDs: []int32{0}, Targets: []int32{-2}},
		"longer than the context":   {B: 1, T: testContext + 1, IDs: make([]int32, testContext+1)},
		"documents of other length": {B: 1, T: 1, IDs: []int32{0}, Docs: []int32{0, 0}},
	} {
		if b.Check(m) == nil {
			t.Error(name, "was accepted")
		}
	}
}

// The likeliest id and the k likeliest are those of a sorted list, whatever the logits are.
func TestLikeliest(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, logits := range [][]float32{
		{1}, {nan}, {nan, nan}, {-inf, nan}, {nan, -inf, -inf}, {0, 3, 3, -1}, {nan, 2, nan, inf, 5, inf}, {5, 4, nan, 7, 7, 1, 6},
	} {
		var list []candidate
		for id, z := range logits {
			list = append(list, candidate{int32(id), float64(z)})
		}
		sorted := slices.SortedFunc(slices.Values(list), likelier)
		if got := likeliest(logits); got != sorted[0].id {
			t.Errorf("of %v the likeliest is %d, not %d", logits, sorted[0].id, got)
		}
		for k := range list {
			for i, c := range top(slices.Clone(list), k) {
				if c.id != sorted[i].id {
					t.Errorf("of %v number %d of the %d likeliest is %d, not %d", logits, i, k, sorted[i].id, c.id)
				}
			}
		}
	}
}
