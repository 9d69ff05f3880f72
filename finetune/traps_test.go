package finetune

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fragua/finetune/examples"
	"fragua/model"
	"fragua/model/train"
	"fragua/tokenize"
)

// TestAccumulated: a step whose batch is computed in parts is the step of the whole batch, however
// unevenly the learned tokens lie in the parts. The mean of the parts' means would be another.
func TestAccumulated(t *testing.T) {
	var set []examples.Example
	for i := range 8 {
		e := talk(fmt.Sprint("q", i), strings.Repeat("a", 1+i*i/2))
		e.Split = examples.Train
		set = append(set, e)
	}
	base, dir := baseModel(t, 64), examplesDir(t, set)
	template(t, base.Path, turns)
	var weights [2][]float32
	for i, parts := range []int{1, 4} {
		f := tune(instruction(nil))
		f.Batch, f.Accumulate, f.Steps, f.LR, f.Clip = 8, parts, 3, 0.1, 0
		f.Optimizer = train.Optimizing("sgd")
		out, _ := run(t, f, base, dir)
		lm, err := model.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range lm.Params() {
			weights[i] = append(weights[i], p.Tensor.Data...)
		}
	}
	most := 0.0
	for i, w := range weights[0] {
		most = max(most, math.Abs(float64(w-weights[1][i])))
	}
	if most > 1e-5 || slices.Equal(weights[0], startOf(t, base.Path)) {
		t.Errorf("weights of one part and of four differ by up to %g", most)
	}
}

func startOf(t *testing.T, dir string) (all []float32) {
	lm, err := model.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range lm.Params() {
		all = append(all, p.Tensor.Data...)
	}
	return all
}

// TestOneBOS: where both the chat template and the tokenizer put a beginning of text before a
// conversation, it stands there once, in training and when the model is asked.
func TestOneBOS(t *testing.T) {
	base := baseModel(t, 64)
	template(t, base.Path, "{{ bos_token }}"+turns)
	name := filepath.Join(base.Path, tokenizerFile)
	doubling := []byte(`"post_processor": {"type": "TemplateProcessing",
		"single": [{"SpecialToken": {"id": "<|pad|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
		"pair": [{"SpecialToken": {"id": "<|pad|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
		"special_tokens": {"<|pad|>": {"id": "<|pad|>", "ids": [257], "tokens": ["<|pad|>"]}}}, "version"`)
	if err := os.WriteFile(name, bytes.Replace(byteTokenizer(t), []byte(`"version"`), doubling, 1), 0o666); err != nil {
		t.Fatal(err)
	}
	config := []byte(`{"bos_token": "<|pad|>", "eos_token": "` + tokenize.EndOfText + `"}`)
	if err := os.WriteFile(filepath.Join(base.Path, "tokenizer_config.json"), config, 0o666); err != nil {
		t.Fatal(err)
	}
	set := []examples.Example{talk("q", "yes")}
	j, err := tune(instruction(nil)).prepare(base.Path, map[string][]examples.Example{examples.Train: set}, 1)
	if err != nil {
		t.Fatal(err)
	}
	asked, err := j.tuned.prompts(set)
	if err != nil {
		t.Fatal(err)
	}
	for what, ids := range map[string][]int32{"learned": j.rows[0].ids, "asked": asked[0].ids} {
		const bos = 257
		if ids[0] != bos || slices.Contains(ids[1:], bos) {
			t.Errorf("%s: %v", what, ids)
		}
	}
}
