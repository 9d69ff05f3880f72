package model

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"fragua/model/kernel"
	"fragua/model/tensor"
)

// learnBytes trains a model of bytes on text and returns what rebuilds it as it is then.
func learnBytes(t *testing.T, a Arch, text []byte, context, n int) func() LanguageModel {
	build := func() LanguageModel {
		m, err := a.Build(256, context, 1)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := build()
	tp := tensor.NewTape(1)
	rng := rand.New(rand.NewPCG(1, 2))
	ps := m.Params()
	moments := make([][2][]float32, len(ps))
	for i, p := range ps {
		moments[i] = [2][]float32{make([]float32, len(p.Data)), make([]float32, len(p.Data))}
	}
	for step := 1; step <= n; step++ {
		tp.Backward(m.Loss(tp, byteRows(text, 8, context, func(int) int { return rng.IntN(len(text) - context) })).Total)
		for i, p := range ps {
			kernel.AdamW(p.Data, p.Grad, moments[i][0], moments[i][1], 3e-3, .9, .99, 1e-8, 0, step, 1)
			clear(p.Grad)
		}
	}
	return func() LanguageModel {
		c := build()
		for i, p := range c.Params() {
			copy(p.Data, ps[i].Data)
		}
		return c
	}
}

// byteRows is rows of a text that begin where from says.
func byteRows(text []byte, rows, context int, from func(row int) int) *Batch {
	b := &Batch{B: rows, T: context}
	for r := range rows {
		at := from(r)
		for i := range context {
			b.IDs, b.Targets = append(b.IDs, int32(text[at+i])), append(b.Targets, int32(text[at+i+1]))
		}
	}
	return b
}

// chain is a text of n bytes in which each word is followed by one of three.
func chain(n int) (text []byte) {
	words := strings.Fields("the smith buys a red hammer and sells it to old friends who live near one river where boats carry iron from many mines under green hills while children sing")
	rng := rand.New(rand.NewPCG(3, 3))
	for w := 0; len(text) < n; w = (5*w + 1 + rng.IntN(3)) % len(words) {
		text = append(append(text, words[w]...), ' ')
	}
	return text
}

// What fewer bits change in a model that has learned: the logits of the next byte, as the
// decoder gives them, and the bits per byte of text that it has not seen.
func TestQuantizeError(t *testing.T) {
	if testing.Short() && kernel.Level() == "plain" {
		t.Skip("with plain kernels the models take a minute to learn")
	}
	const context, rows = 48, 16
	text := chain(40_000)
	seen, held := text[:len(text)*4/5], text[len(text)*4/5:]
	for arch, a := range map[string]Arch{
		"gpt":   &GPT{Layers: 2, Heads: 4, Width: 64},
		"llama": &Llama{Layers: 2, Heads: 4, KVHeads: 2, Width: 64, Theta: 10000, Tied: true},
	} {
		learned := learnBytes(t, a, seen, context, 300)
		read := func(kind string) (bits float64, logits []float32) {
			m := learned()
			if err := Quantize(m, kind); err != nil {
				t.Fatal(err)
			}
			b := byteRows(held, rows, context, func(r int) int { return r * context })
			sums, err := Score(m).Score(b)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range sums {
				bits -= s / math.Ln2 / float64(rows*context)
			}
			d := m.Decoder()
			for i := range context {
				var next [][]int32
				for r := range rows {
					next = append(next, b.IDs[r*context+i:][:1])
				}
				logits = append(logits, d.Feed(next)...)
			}
			return bits, logits
		}
		bits, logits := read("f32")
		if bits > 1 {
			t.Errorf("%s: %.3f bits per byte: it has learned nothing", arch, bits)
		}
		for kind, limit := range map[string]struct{ mean, most, bits float64 }{
			"bf16": {.005, .25, 3e-3}, // twice what was found: it depends on what was learned,
			"int8": {.02, .6, 1e-2},   // and that on the last bits of sums
		} {
			narrow, other := read(kind)
			mean, most := 0.0, 0.0
			for i, z := range other {
				d := math.Abs(float64(z - logits[i]))
				mean, most = mean+d/float64(len(other)), max(most, d)
			}
			t.Logf("%s %s: logits off by %.4f on average, %.3f at most; %.4f bits per byte, f32 %.4f: %+.3f %%",
				arch, kind, mean, most, narrow, bits, 100*(narrow/bits-1))
			if !(mean <= limit.mean && most <= limit.most && math.Abs(narrow/bits-1) <= limit.bits) || mean == 0 {
				t.Errorf("%s %s: that is more than %+v", arch, kind, limit)
			}
		}
	}
}

func TestQuantizeRefuses(t *testing.T) {
	m := build(t, small()["gpt"])
	if err := Quantize(m, "int4"); err == nil || !strings.Contains(err.Error(), "only f32, bf16, int8") {
		t.Errorf("int4: %v", err)
	}
	if err := Quantize(m, "int8"); err != nil {
		t.Fatal(err)
	}
	if err := Quantize(m, "bf16"); err == nil {
		t.Error("it was quantized twice")
	}
	if err := Save(t.TempDir(), m, Extra{End: -1}); err == nil || !strings.Contains(err.Error(), "quantized") {
		t.Errorf("saved: %v", err)
	}
}

// Every architecture decodes as it scores with narrow weights too, and its encoder reads.
func TestQuantizedDecoders(t *testing.T) {
	for _, kind := range WeightKinds[1:] {
		for name, a := range small() {
			m := build(t, a)
			perturb(m)
			if err := Quantize(m, kind); err != nil {
				t.Fatal(err)
			}
			ids := []int32{3, 1, 4, 1, 5, 9}
			d := m.Decoder()
			d.Feed([][]int32{ids[:3]})
			for i := 3; i < len(ids)-1; i++ {
				d.Feed([][]int32{ids[i : i+1]})
			}
			got := d.Feed([][]int32{ids[len(ids)-1:]})
			want := m.Decoder().Feed([][]int32{ids})
			for i := range want {
				if x := math.Abs(float64(got[i] - want[i])); !(x < 5e-3) {
					t.Fatalf("%s %s: logit %d is %g, all at once %g", name, kind, i, got[i], want[i])
				}
			}
		}
	}
}

// After the first id a decoder makes no garbage, with weights of any kind.
func TestDecodingMakesNoGarbage(t *testing.T) {
	for _, kind := range WeightKinds {
		for _, name := range []string{"gpt", "llama"} {
			m := build(t, small()[name])
			if err := Quantize(m, kind); err != nil {
				t.Fatal(err)
			}
			d := m.Decoder()
			d.Feed([][]int32{{1, 2, 3}, {4}})
			next := [][]int32{{5}, {6}}
			d.Feed(next)
			if n := testing.AllocsPerRun(8, func() { d.Feed(next) }); n > 0 {
				t.Errorf("%s %s: %g allocations an id", name, kind, n)
			}
		}
	}
}
