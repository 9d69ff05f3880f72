package model

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fragua/model/nn"
	"fragua/model/tensor"
)

// TestOpensWhatTransformersSaves reads checkpoints that testdata/forward.py
// made, and gives the logits that it computed in float64.
func TestOpensWhatTransformersSaves(t *testing.T) {
	for _, dir := range []string{"testdata/gpt2", "testdata/llama", "testdata/pegasus"} {
		m, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		var want struct {
			IDs    [][]int32
			Logits [][][]float64
		}
		b, err := os.ReadFile(filepath.Join(dir, "logits.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		batch := &Batch{B: len(want.IDs), T: len(want.IDs[0]), IDs: slices.Concat(want.IDs...)}
		if _, reads := m.(Seq2Seq); reads {
			batch.Source = batch
		}
		var tp *tensor.Tape
		logits := Logits(tp, m.(LanguageModel), m.Hidden(tp, batch))
		i := 0
		for r, row := range want.Logits {
			for c, at := range row {
				for id, z := range at {
					if math.Abs(float64(logits.Data[i])-z) > 2e-5 {
						t.Fatalf("%s: row %d position %d id %d: logit %g, want %g", dir, r, c, id, logits.Data[i], z)
					}
					i++
				}
			}
		}
		if i != len(logits.Data) {
			t.Errorf("%s: %d logits, want %d", dir, len(logits.Data), i)
		}
	}
}

func TestSaveOpen(t *testing.T) {
	for name, a := range small() {
		t.Run(name, func(t *testing.T) {
			m := build(t, a)
			perturb(m)
			head := nn.Param{Name: "score.weight", Tensor: nn.NewInit(1).Normal(1, 3, m.Width())}
			x := Extra{End: 60, Params: []nn.Param{head}, Config: map[string]any{"id2label": map[string]string{"0": "bad"}}}
			first, second := t.TempDir(), t.TempDir()
			if err := Save(first, m, x); err != nil {
				t.Fatal(err)
			}
			again, err := Open(first)
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range m.Params() {
				if q := again.Params()[i]; q.Name != p.Name || q.Decay != p.Decay || q.Group != p.Group || !slices.Equal(q.Data, p.Data) {
					t.Errorf("%s came back as %s", p.Name, q.Name)
				}
			}
			other := nn.Param{Name: "score.weight", Tensor: tensor.Param(3, m.Width())}
			if err := OpenParams(first, []nn.Param{other}); err != nil || !slices.Equal(other.Data, head.Data) {
				t.Errorf("the head came back otherwise: %v", err)
			}
			if err := Save(second, again, x); err != nil {
				t.Fatal(err)
			}
			for _, f := range []string{ConfigFile, WeightsFile, GenerationFile} {
				a, err1 := os.ReadFile(filepath.Join(first, f))
				b, err2 := os.ReadFile(filepath.Join(second, f))
				if err1 != nil || err2 != nil || !slices.Equal(a, b) {
					t.Errorf("%s: other bytes after a round trip (%v, %v)", f, err1, err2)
				}
			}
			if files, _ := os.ReadDir(first); len(files) != 3 {
				t.Errorf("the folder holds %v", files)
			}
		})
	}
}

// TestOpenRefuses changes one thing in a good checkpoint.
func TestOpenRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, dir string
		change    func(config map[string]any, params []nn.Param) []nn.Param
		want      string
	}{
		{"another family", "gpt2", func(c map[string]any, p []nn.Param) []nn.Param { c["model_type"] = "bloom"; return p }, `model_type is "bloom", want one of gpt2, llama,`},
		{"another activation", "gpt2", func(c map[string]any, p []nn.Param) []nn.Param { c["activation_function"] = "quick_gelu"; return p }, `activation_function is "quick_gelu", which is not supported, only "gelu" or`},
		{"untied", "gpt2", func(c map[string]any, p []nn.Param) []nn.Param { c["tie_word_embeddings"] = false; return p }, "asks for 2000 parameters"},
		{"a field of another program", "gpt2", func(c map[string]any, p []nn.Param) []nn.Param { c["rotary_dim"] = 4; return p }, `field "rotary_dim" is not known`},
		{"a field that is null", "gpt2", func(c map[string]any, p []nn.Param) []nn.Param { c["rotary_dim"] = nil; return p }, ""},
		{"no heads", "gpt2", func(c map[string]any, p []nn.Param) []nn.Param { c["n_head"] = 0; return p }, "heads: 0 is not a positive number"},
		{"scaled positions", "llama", func(c map[string]any, p []nn.Param) []nn.Param {
			c["rope_scaling"] = map[string]any{"type": "longrope", "short_factor": []int{1}}
			return p
		}, `rope_scaling: rope_type "longrope" is not supported`},
		{"an unknown field of the positions", "llama", func(c map[string]any, p []nn.Param) []nn.Param {
			c["rope_parameters"] = map[string]any{"rope_type": "linear", "factor": 2, "curve": 1}
			return p
		}, `rope_parameters: field "curve" is not known`},
		{"another width", "llama", func(c map[string]any, p []nn.Param) []nn.Param { c["intermediate_size"] = 20; return p }, `array "model.layers.0.mlp.gate_proj.weight" has shape [24 16], want [20 16]`},
		{"a model too large for its file", "llama", func(c map[string]any, p []nn.Param) []nn.Param { c["num_hidden_layers"] = 4000; return p }, "parameters"},
		{"a number beyond reason", "gpt2", func(c map[string]any, p []nn.Param) []nn.Param { c["n_embd"] = 1 << 40; return p }, "width: 1099511627776 is more than"},
		{"a layer less", "llama", func(c map[string]any, p []nn.Param) []nn.Param { c["num_hidden_layers"] = 1; return p }, "belongs to no part of the model"},
		{"a weight less", "gpt2", func(c map[string]any, p []nn.Param) []nn.Param { p[0].Name = "other.weight"; return p }, `there is no array "transformer.wte.weight"`},
		{"a head that is not tied", "gpt2", func(c map[string]any, p []nn.Param) []nn.Param {
			return append(p, nn.Param{Name: "lm_head.weight", Tensor: tensor.New(11, 8)})
		}, "lm_head.weight is not the array"},
		{"a constant of old versions", "gpt2", func(c map[string]any, p []nn.Param) []nn.Param {
			return append(p, nn.Param{Name: "transformer.h.0.attn.bias", Tensor: tensor.New(1, 1, 8, 8)})
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			from := filepath.Join("testdata", tt.dir)
			m, err := Open(from)
			if err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(filepath.Join(from, ConfigFile))
			if err != nil {
				t.Fatal(err)
			}
			var config map[string]any
			if err := json.Unmarshal(b, &config); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			params := tt.change(config, m.Params())
			if err := writeJSON(filepath.Join(dir, ConfigFile), config); err != nil {
				t.Fatal(err)
			}
			if err := SaveParams(filepath.Join(dir, WeightsFile), params); err != nil {
				t.Fatal(err)
			}
			switch _, err = Open(dir); {
			case tt.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), dir)):
				t.Errorf("error is %v, want %s: … %s", err, dir, tt.want)
			}
		})
	}
}

// FuzzConfig opens good weights under any configuration: it may be refused, but
// nothing panics and no memory beyond the file's size is asked for.
func FuzzConfig(f *testing.F) {
	weights := map[bool]string{}
	for _, dir := range []string{"gpt2", "llama"} {
		b, err := os.ReadFile(filepath.Join("testdata", dir, ConfigFile))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, dir == "llama")
		if b, err = os.ReadFile(filepath.Join("testdata", dir, WeightsFile)); err != nil {
			f.Fatal(err)
		}
		weights[dir == "llama"] = string(b)
	}
	f.Add([]byte(`{"model_type":"gpt2","n_layer":4096,"n_embd":1048576,"n_head":1,"vocab_size":1048576}`), false)
	f.Add([]byte(`{"model_type":"fragua_lstm","num_hidden_layers":-1,"hidden_size":-9223372036854775808}`), false)
	f.Add([]byte(`{"model_type":"fragua_nnlm","order":9223372036854775807}`), true)
	f.Fuzz(func(t *testing.T, config []byte, llama bool) {
		dir := t.TempDir()
		for name, b := range map[string]string{ConfigFile: string(config), WeightsFile: weights[llama]} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(b), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if m, err := Open(dir); err == nil {
			m.Hidden(nil, &Batch{B: 1, T: 1, IDs: []int32{0}})
		}
	})
}

// TestNotFinite: weights that are NaN or infinite are refused with their name.
func TestNotFinite(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
		m, err := Open("testdata/llama")
		if err != nil {
			t.Fatal(err)
		}
		p := m.Params()[3]
		p.Data[5] = bad
		dir := t.TempDir()
		if err := Save(dir, m, Extra{End: -1}); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("array %q holds %g at 5", p.Name, bad)) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
