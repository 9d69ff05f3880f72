package model

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A Llama with norms of queries and keys is a Qwen3 to others, and comes back as it was. With
// ZeroInit no block adds anything at first.
func TestLlamaOptions(t *testing.T) {
	arch := &Llama{Layers: 2, Heads: 2, Width: 8, Theta: 10000, QKNorm: true, ZeroInit: true}
	m, err := arch.Build(11, 6, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range m.(*llama).Blocks {
		for _, w := range [][]float32{b.Out.W.Data, b.Down.W.Data} {
			if slices.ContainsFunc(w, func(x float32) bool { return x != 0 }) {
				t.Error("a matrix that writes to the residual stream does not start at 0")
			}
		}
		copy(b.Out.W.Data, b.Q.W.Data) // so that what attention does is seen
	}
	dir := t.TempDir()
	if err := Save(dir, m, Extra{End: 0}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, ConfigFile))
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(b, &config); err != nil {
		t.Fatal(err)
	}
	if _, has := config["mlp_bias"]; has || config["model_type"] != "qwen3" || config["architectures"].([]any)[0] != "Qwen3ForCausalLM" {
		t.Errorf("config.json: %s", b)
	}
	if got := ClassifierClass(m); got != "Qwen3ForSequenceClassification" {
		t.Errorf("its classifier is a %s", got)
	}
	again, err := OpenLanguageModel(dir)
	if err != nil {
		t.Fatal(err)
	}
	batch := Batch{B: 1, T: 5, IDs: []int32{1, 2, 3, 4, 5}, Targets: []int32{2, 3, 4, 5, 6}}
	want, err := Score(m).Score(&batch)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Score(again).Score(&batch)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, opened again %v", want, got)
	}
}
