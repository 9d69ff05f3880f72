package model

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fragua/model/safetensors"
	"fragua/model/tensor"
)

// familyGolden is what transformers computed with a checkpoint; see testdata/families.py.
type familyGolden struct {
	Kind    string
	IDs     [][]int32
	Types   [][]int32
	Source  [][]int32
	Lengths []int
	Want    [][][]float64
	Greedy  [][]int32
}

// batch is the ids, each row up to its length.
func (g *familyGolden) batch() *Batch {
	b := &Batch{B: len(g.IDs), T: len(g.IDs[0]), IDs: slices.Concat(g.IDs...), Types: slices.Concat(g.Types...)}
	if g.Source != nil {
		b.Source = &Batch{B: b.B, T: len(g.Source[0]), IDs: slices.Concat(g.Source...)}
		b.Source.Docs = g.docs(b.Source.T)
	} else if g.Lengths != nil {
		b.Docs = g.docs(b.T)
	}
	return b
}

func (g *familyGolden) docs(n int) []int32 {
	var docs []int32
	for _, length := range g.Lengths {
		for t := range n {
			if t < length {
				docs = append(docs, 0)
			} else {
				docs = append(docs, -1)
			}
		}
	}
	return docs
}

// TestFamilies opens a random checkpoint of each family, computes what transformers computed,
// continues texts as it did, and saves the same arrays under the same names.
func TestFamilies(t *testing.T) {
	dirs, err := filepath.Glob("testdata/families/*")
	if err != nil || len(dirs) == 0 {
		t.Fatal("no checkpoints", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			g := readGolden(t, dir)
			m, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			g.compare(t, m)
			if g.Kind == "causal" {
				greedy(t, m.(LanguageModel), g)
			}
			if g.Kind == "seq2seq" {
				stepByStep(t, m.(Seq2Seq), g)
			}
			sameWhenSaved(t, dir, m)
		})
	}
}

func readGolden(t *testing.T, dir string) *familyGolden {
	g := new(familyGolden)
	b, err := os.ReadFile(filepath.Join(dir, "want.json"))
	if err == nil {
		err = json.Unmarshal(b, g)
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// compare holds logits, or states, against transformers'.
func (g *familyGolden) compare(t *testing.T, m Model) {
	b1 := g.batch()
	if err := b1.Check(m); err != nil {
		t.Fatal(err)
	}
	var tp *tensor.Tape
	y := m.Hidden(tp, b1)
	switch g.Kind {
	case "causal", "seq2seq":
		y = Logits(tp, m.(LanguageModel), y)
	case "masked":
		y = m.(MaskedLanguageModel).MaskedLogits(tp, y)
	}
	i, worst := 0, 0.0
	for r, row := range g.Want {
		for at, want := range row {
			for c, v := range want {
				if g.Source == nil && g.Lengths != nil && at >= g.Lengths[r] {
					continue
				}
				got := float64(y.Data[(r*len(row)+at)*y.Cols()+c])
				worst = max(worst, math.Abs(got-v))
				if i++; math.IsNaN(got) || math.Abs(got-v) > 1e-3 {
					t.Fatalf("row %d position %d column %d: %g, want %g", r, at, c, got, v)
				}
			}
		}
	}
	t.Logf("%d numbers, off by at most %.1e", i, worst)
}

// stepByStep writes the targets with a cache, first three ids and then one by one.
func stepByStep(t *testing.T, m Seq2Seq, g *familyGolden) {
	d := m.DecoderFor(g.batch().Source)
	for from, at := 0, 2; at < len(g.IDs[0]); from, at = at+1, at+1 {
		var next [][]int32
		for _, row := range g.IDs {
			next = append(next, row[from:at+1])
		}
		logits := d.Feed(next)
		for r := range next {
			for c, want := range g.Want[r][at] {
				if got := float64(logits[r*m.Vocab()+c]); math.Abs(got-want) > 1e-3 {
					t.Fatalf("row %d position %d column %d: with a cache %g, want %g", r, at, c, got, want)
				}
			}
		}
	}
}

// greedy continues the first ids of each row.
func greedy(t *testing.T, m LanguageModel, g *familyGolden) {
	d := m.Decoder()
	var next [][]int32
	for _, row := range g.IDs {
		next = append(next, row[:4])
	}
	for i := range g.Greedy[0] {
		logits := d.Feed(next)
		for r := range next {
			row := logits[r*m.Vocab():][:m.Vocab()]
			id := int32(slices.Index(row, slices.Max(row)))
			if next[r] = []int32{id}; id != g.Greedy[r][i] {
				t.Fatalf("row %d continues with %d at %d, want %d", r, id, i, g.Greedy[r][i])
			}
		}
	}
}

func sameWhenSaved(t *testing.T, dir string, m Model) {
	saved := t.TempDir()
	if err := Save(saved, m, Extra{End: -1}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(saved); err != nil {
		t.Fatal(err)
	}
	old, err := safetensors.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	again, err := safetensors.OpenFolder(saved)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if a, b := old.Names(), again.Names(); !slices.Equal(a, b) {
		t.Fatalf("saved %q, want %q", b, a)
	}
	for _, name := range old.Names() {
		a, shape, err1 := old.Float32(name)
		b, other, err2 := again.Float32(name)
		if err1 != nil || err2 != nil || !slices.Equal(a, b) || !slices.Equal(shape, other) {
			t.Errorf("%s is saved otherwise (%v, %v)", name, err1, err2)
		}
	}
}

// TestFamilyGradients holds the gradients of encoders and of the variants of decoders against
// central differences, with padding.
func TestFamilyGradients(t *testing.T) {
	for _, name := range []string{"bert-mlm", "distilbert", "qwen3", "mistral", "llama-bias", "marian", "gemma3", "modernbert", "t5", "t5-gated"} {
		t.Run(name, func(t *testing.T) {
			m, err := Open(filepath.Join("testdata/families", name))
			if err != nil {
				t.Fatal(err)
			}
			b := &Batch{B: 2, T: 6, IDs: []int32{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8}, Docs: []int32{0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1}}
			if _, reads := m.(Seq2Seq); reads {
				b.Source = &Batch{B: 2, T: 6, IDs: b.IDs, Docs: b.Docs}
			}
			labels := []float32{0, 1, 0, 1, 0, 0}
			head := tensor.New(3, m.Width())
			for i := range head.Data {
				head.Data[i] = float32(math.Sin(float64(7 * i)))
			}
			loss := func(tp *tensor.Tape) *tensor.Tensor {
				y := tp.Mean(m.Hidden(tp, b), []tensor.Span{{From: 0, To: 6}, {From: 6, To: 9}})
				total, _ := tp.ClassLoss(tp.Linear(y, head, nil), labels, tensor.ClassOptions{})
				return total
			}
			tp := tensor.NewTape(1)
			tp.Backward(loss(tp))
			for _, p := range m.Params() {
				if p.Grad == nil {
					continue
				}
				for _, i := range []int{len(p.Data) / 3, len(p.Data) - 1} {
					const h = 1e-2
					was := p.Data[i]
					p.Data[i] = was + h
					up := float64(loss(nil).Data[0])
					p.Data[i] = was - h
					down := float64(loss(nil).Data[0])
					p.Data[i] = was
					if want, got := (up-down)/(2*h), float64(p.Grad[i]); math.Abs(got-want) > 2e-3+0.05*math.Abs(want) {
						t.Errorf("%s[%d]: gradient %g, want %g", p.Name, i, got, want)
					}
				}
			}
		})
	}
}

// TestGGUF opens files that gguf-py made of checkpoints, which compute what those do, and saves
// them as the same checkpoints; see testdata/make_gguf.py.
func TestGGUF(t *testing.T) {
	files, err := filepath.Glob("testdata/gguf/*.gguf")
	if err != nil || len(files) != 4 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".gguf")
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("testdata/families", name)
			g := readGolden(t, dir)
			m, err := Open(file)
			if err != nil {
				t.Fatal(err)
			}
			if name == "gemma3" { // its scale is no key of the file
				for i := range m.(*gemma).scales {
					m.(*gemma).scales[i] = float32(1 / math.Sqrt(10))
				}
			}
			g.compare(t, m)
			greedy(t, m.(LanguageModel), g)
			sameWhenSaved(t, dir, m)
		})
	}
}

// TestSaveGGUF writes families as GGUF files and reads them: they compute the same.
func TestSaveGGUF(t *testing.T) {
	for _, name := range []string{"llama-theta", "llama-llama3", "llama-linear", "llama-bias", "llama-bfloat", "qwen3", "gpt2"} {
		for _, kind := range []string{"f32", "f16"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				dir := filepath.Join("testdata/families", name)
				if name == "gpt2" {
					dir = "testdata/gpt2"
				}
				m, err := Open(dir)
				if err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(t.TempDir(), "a.gguf")
				if err := SaveGGUF(path, m, kind, nil); err != nil {
					t.Fatal(err)
				}
				again, err := Open(path)
				if err != nil {
					t.Fatal(err)
				}
				if name != "gpt2" {
					readGolden(t, dir).compare(t, again)
					return
				}
				b := &Batch{B: 1, T: 3, IDs: []int32{1, 2, 3}}
				for i, v := range m.Hidden(nil, b).Data {
					if w := again.Hidden(nil, b).Data[i]; math.Abs(float64(v-w)) > 2e-2 {
						t.Fatalf("state %d: %g, want %g", i, w, v)
					}
				}
			})
		}
	}
	for name, want := range map[string]string{"bert": "a bert cannot become a GGUF file", "llama-yarn": `type "yarn" cannot be written`, "gpt2-unscaled": "other scales", "mistral": "with a window"} {
		m, err := Open(filepath.Join("testdata/families", name))
		if err == nil {
			err = SaveGGUF(filepath.Join(t.TempDir(), "a.gguf"), m, "f32", nil)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
