package model

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fragua/model/kernel"
	"fragua/model/tensor"
)

// reversals are pairs whose target is the source backward; 0 starts and ends a
// text. Sources are padded with document -1, targets with -1.
func reversals(rng *rand.Rand, rows, longest int) *Batch {
	s := &Batch{B: rows, T: longest, IDs: make([]int32, rows*longest), Docs: make([]int32, rows*longest)}
	b := &Batch{B: rows, T: longest + 1, IDs: make([]int32, rows*(longest+1)), Targets: make([]int32, rows*(longest+1)), Source: s}
	for r := range rows {
		n := 1 + rng.IntN(longest)
		src, docs := s.IDs[r*longest:][:longest], s.Docs[r*longest:][:longest]
		ids, targets := b.IDs[r*b.T:][:b.T], b.Targets[r*b.T:][:b.T]
		for i := range longest {
			if src[i] = int32(1 + rng.IntN(9)); i >= n {
				docs[i] = -1
			}
		}
		for i := range targets {
			targets[i] = -1
		}
		for i := range n {
			ids[i+1], targets[i] = src[n-1-i], src[n-1-i]
		}
		targets[n] = 0
	}
	return b
}

// cells are the ways a decoder may read what it has written.
var cells = []Cell{Attends, SSRU}

func buildEncDec(t *testing.T, cell Cell) Seq2Seq {
	m, err := (&EncDec{Encoder: 2, Decoder: 2, Heads: 4, Width: 32, Hidden: 64, Cell: cell}).Build(10, 8, 1)
	if err != nil {
		t.Fatal(err)
	}
	return m.(Seq2Seq)
}

// TestEncDecLearns teaches it eight pairs by heart, then lets it write: beam
// search gives each source its target.
func TestEncDecLearns(t *testing.T) {
	for _, cell := range cells {
		t.Run(string(cell), func(t *testing.T) { encDecLearns(t, cell) })
	}
}

func encDecLearns(t *testing.T, cell Cell) {
	m := buildEncDec(t, cell)
	ps := m.Params()
	moments := map[*tensor.Tensor][2][]float32{}
	for _, p := range ps {
		moments[p.Tensor] = [2][]float32{make([]float32, len(p.Data)), make([]float32, len(p.Data))}
	}
	tp, pairs := tensor.NewTape(1), reversals(rand.New(rand.NewPCG(1, 1)), 8, 5)
	for step := 1; step <= 150; step++ {
		tp.Backward(m.Loss(tp, pairs).Total)
		for _, p := range ps {
			mo := moments[p.Tensor]
			kernel.AdamW(p.Data, p.Grad, mo[0], mo[1], 3e-3, .9, .98, 1e-8, 0, step, 1)
			clear(p.Grad)
		}
	}
	prompts := make([][]int32, pairs.B)
	for i := range prompts {
		prompts[i] = []int32{0}
	}
	got, err := Beam(context.Background(), m.DecoderFor(pairs.Source), prompts, Search{Beams: 3, Alpha: 1, Limit: func(int) int { return 7 }})
	if err != nil {
		t.Fatal(err)
	}
	for r, h := range got {
		want := pairs.Targets[r*pairs.T:][:pairs.T]
		want = want[:slices.Index(want, 0)]
		if !slices.Equal(h[0].IDs, want) {
			t.Errorf("pair %d: %v, learned %v", r, h[0].IDs, want)
		}
	}
}

// TestEncDecDecoder holds the decoder's probabilities against the loss, row by
// row, with padded sources and forked rows.
func TestEncDecDecoder(t *testing.T) {
	for _, cell := range cells {
		t.Run(string(cell), func(t *testing.T) { encDecDecoder(t, cell) })
	}
}

func encDecDecoder(t *testing.T, cell Cell) {
	m := buildEncDec(t, cell)
	perturb(m)
	b := reversals(rand.New(rand.NewPCG(3, 3)), 3, 5)
	scores, err := Score(m).Score(b)
	if err != nil {
		t.Fatal(err)
	}
	d := m.DecoderFor(b.Source)
	d.Feed([][]int32{{0}, {0}, {0}})
	order := []int{2, 0, 1, 0}
	d = m.DecoderFor(b.Source)
	sums := make([]float64, len(order))
	for i := range b.T {
		var logits []float32
		if i == 0 {
			logits = d.Feed([][]int32{{0}, {0}, {0}})
			var forked []float32
			for _, r := range order {
				forked = append(forked, logits[r*10:][:10]...)
			}
			logits = forked
			d.Select(order)
		} else {
			var next [][]int32
			for _, r := range order {
				next = append(next, b.IDs[r*b.T+i:][:1])
			}
			logits = d.Feed(next)
		}
		for row, r := range order {
			if target := b.Targets[r*b.T+i]; target >= 0 {
				z := logits[row*10:][:10]
				sums[row] += float64(z[target]) - kernel.LogSumExp(z)
			}
		}
	}
	for row, r := range order {
		if math.Abs(sums[row]-scores[r]) > 1e-4 {
			t.Errorf("row %d: %v id by id, %v at once", r, sums[row], scores[r])
		}
	}
}

// TestShortlist: logits of some ids are those that the whole head has, quantized or not, and a
// search among them finds what the whole search finds if it is there.
func TestShortlist(t *testing.T) {
	for _, weights := range WeightKinds {
		m := buildEncDec(t, Attends)
		perturb(m)
		if err := Quantize(m, weights); err != nil {
			t.Fatal(err)
		}
		b := reversals(rand.New(rand.NewPCG(6, 6)), 3, 5)
		ids, prompts := []int32{0, 2, 7, 9}, [][]int32{{0}, {0}, {0}}
		whole, some := m.DecoderFor(b.Source).Feed(prompts), m.DecoderFor(b.Source).(Shortlister)
		some.Only(ids)
		for i, z := range some.Feed(prompts) {
			if want := whole[i/len(ids)*10+int(ids[i%len(ids)])]; math.Abs(float64(z-want)) > 1e-5 {
				t.Errorf("%s: logit %d is %v, of the whole head %v", weights, i, z, want)
			}
		}
		s := Search{Beams: 2, Alpha: 1, Limit: func(int) int { return 6 }, Only: []int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}}
		some = m.DecoderFor(b.Source).(Shortlister)
		some.Only(s.Only)
		got, err := Beam(context.Background(), some, prompts, s)
		if err != nil {
			t.Fatal(err)
		}
		s.Only = nil
		want, err := Beam(context.Background(), m.DecoderFor(b.Source), prompts, s)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if !slices.Equal(got[i][0].IDs, want[i][0].IDs) {
				t.Errorf("%s: %v by the shortlist of all ids, %v by the head", weights, got[i][0].IDs, want[i][0].IDs)
			}
		}
	}
}

// TestLooks: attention to the source adds up to one for each id, and coverage takes off what the
// formula says.
func TestLooks(t *testing.T) {
	m := buildEncDec(t, Attends)
	perturb(m)
	b := reversals(rand.New(rand.NewPCG(7, 7)), 3, 5)
	s := Search{Beams: 2, Alpha: 1, Look: true, Coverage: .3, Limit: func(int) int { return 6 }}
	got, err := Beam(context.Background(), m.DecoderFor(b.Source), [][]int32{{0}, {0}, {0}}, s)
	if err != nil {
		t.Fatal(err)
	}
	for r, hs := range got {
		for _, h := range hs {
			if len(h.Attention) != len(h.IDs)+1 {
				t.Fatalf("%d rows of attention for %d ids and the end", len(h.Attention), len(h.IDs))
			}
			length := 0
			for _, d := range b.Source.Docs[r*b.Source.T:][:b.Source.T] {
				if d == 0 {
					length++
				}
			}
			taken, total := 0.0, make([]float64, length)
			for _, a := range h.Attention {
				sum := 0.0
				for i, p := range a {
					sum += float64(p)
					total[i] += float64(p)
				}
				if math.Abs(sum-1) > 1e-5 {
					t.Errorf("attention adds up to %v", sum)
				}
			}
			for _, p := range total {
				taken += .3 * math.Log(min(p, 1))
			}
			if want := h.LogProb/float64(len(h.IDs)+1) + taken; math.Abs(h.Score-want) > 1e-5 {
				t.Errorf("score %v, want %v", h.Score, want)
			}
		}
	}
	if _, err := Beam(context.Background(), build(t, small()["llama"]).Decoder(), [][]int32{{1}}, s); err == nil {
		t.Error("a model without an encoder has a coverage")
	}
}

// TestEncDecPadding puts other ids where the source is padding: nothing changes.
func TestEncDecPadding(t *testing.T) {
	for _, cell := range cells {
		t.Run(string(cell), func(t *testing.T) { encDecPadding(t, cell) })
	}
}

func encDecPadding(t *testing.T, cell Cell) {
	m := buildEncDec(t, cell)
	perturb(m)
	b := reversals(rand.New(rand.NewPCG(4, 4)), 4, 6)
	before := m.Loss(nil, b).NLL
	changed := false
	for i, d := range b.Source.Docs {
		if d < 0 {
			b.Source.IDs[i], changed = 1, true
		}
	}
	if after := m.Loss(nil, b).NLL; after != before || !changed {
		t.Errorf("loss was %v, with other padding %v", before, after)
	}
}

func TestEncDecSaveOpen(t *testing.T) {
	for _, cell := range cells {
		t.Run(string(cell), func(t *testing.T) { encDecSaveOpen(t, cell) })
	}
}

func encDecSaveOpen(t *testing.T, cell Cell) {
	m := buildEncDec(t, cell)
	perturb(m)
	dir := t.TempDir()
	if err := Save(dir, m, Extra{End: 0}); err != nil {
		t.Fatal(err)
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	b := reversals(rand.New(rand.NewPCG(5, 5)), 2, 4)
	if x, y := m.Loss(nil, b).NLL, again.(LanguageModel).Loss(nil, b).NLL; x != y {
		t.Errorf("loss was %v, after a round trip %v", x, y)
	}
	if err := (&Batch{B: 1, T: 1, IDs: []int32{0}}).Check(again); err == nil {
		t.Error("a batch without a source was accepted")
	}
	if _, err := Open(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("a folder that is not there was opened")
	}
}

// TestEncDecInt8: a model in int8 is a quarter as large, and read back it computes the same; float32
// and bfloat16 are told from it, and what does not fit is refused.
func TestEncDecInt8(t *testing.T) {
	m := buildEncDec(t, SSRU)
	perturb(m)
	dir := t.TempDir()
	if Quantized(m) {
		t.Error("float32 passes for int8")
	}
	if err := Quantize(m, "int8"); err != nil {
		t.Fatal(err)
	}
	if err := Save(dir, m, Extra{}); err != nil {
		t.Fatal(err)
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !Quantized(again) || Quantize(again.(LanguageModel), "int8") == nil {
		t.Error("it was read back as something else")
	}
	b := reversals(rand.New(rand.NewPCG(5, 5)), 2, 4)
	if x, y := m.Loss(nil, b).NLL, again.(LanguageModel).Loss(nil, b).NLL; x != y {
		t.Errorf("loss was %v, after a round trip %v", x, y)
	}
	if config, err := os.ReadFile(filepath.Join(dir, ConfigFile)); err != nil || !strings.Contains(string(config), "fragua_int8") {
		t.Errorf("%s does not say so: %v", config, err)
	}
	half := buildEncDec(t, SSRU)
	if err := Quantize(half, "bf16"); err != nil {
		t.Fatal(err)
	}
	if err := Save(t.TempDir(), half, Extra{}); err == nil {
		t.Error("bfloat16 was saved")
	}
}

// TestEncDecNorms: with norms after each part the model is saved as Marian's class, and read back
// as it was; a hidden width of 0 is four times the width.
func TestEncDecNorms(t *testing.T) {
	for norm, class := range map[NormAt]string{PreNorm: "pegasus", PostNorm: "marian"} {
		a := Archs()["encdec"]().(*EncDec)
		a.Encoder, a.Decoder, a.Width, a.Norm = 2, 1, 16, norm
		if f := a.Check(); len(f) > 0 {
			t.Fatal(f)
		}
		m, err := a.Build(10, 8, 1)
		if err != nil {
			t.Fatal(err)
		}
		perturb(m)
		params := int64(0)
		for _, p := range m.Params() {
			if p.Name != "final_logits_bias" {
				params += int64(len(p.Data))
			}
		}
		if size := a.Size(10, 8, 1); size.Params != params {
			t.Errorf("%s: %d parameters, Size says %d", norm, params, size.Params)
		}
		dir := t.TempDir()
		if err := Save(dir, m, Extra{End: 0, Start: 3}); err != nil {
			t.Fatal(err)
		}
		config, err := os.ReadFile(filepath.Join(dir, ConfigFile))
		if err != nil || !strings.Contains(string(config), `"model_type": "`+class+`"`) || !strings.Contains(string(config), `"decoder_start_token_id": 3`) {
			t.Errorf("%s: %s %v", norm, config, err)
		}
		again, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		b := reversals(rand.New(rand.NewPCG(5, 5)), 2, 4)
		if x, y := m.Loss(nil, b).NLL, again.(LanguageModel).Loss(nil, b).NLL; x != y {
			t.Errorf("%s: loss was %v, after a round trip %v", norm, x, y)
		}
	}
}
