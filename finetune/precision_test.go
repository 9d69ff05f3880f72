package finetune

import (
	"bytes"
	"strings"
	"testing"

	"fragua/model/kernel"
	"fragua/model/train"
	"fragua/pipeline"
)

// In bfloat16 the same examples give other weights. Where the kernels have no
// instructions for it, plan and run warn.
func TestBF16(t *testing.T) {
	base, set := baseModel(t, 32), examplesDir(t, moods(40))
	f := tune(sentiment(KeepEnds))
	f.Epochs, f.Floats = 1, train.BF16
	if f.Precision() != "bf16" {
		t.Errorf("the key would say %q", f.Precision())
	}
	e, err := f.Estimate(&pipeline.Env{In: map[string][]pipeline.Dir{"model": {base}, "examples": {set}}})
	if err != nil {
		t.Fatal(err)
	}
	if slow := kernel.Level() != "avx512bf16" && kernel.Level() != "amx"; strings.Contains(e.Note, "multiply in f32") != slow {
		t.Errorf("at level %s the plan says %q", kernel.Level(), e.Note)
	}
	rounded, _ := run(t, f, base, set)
	f = tune(sentiment(KeepEnds))
	f.Epochs = 1
	plain, _ := run(t, f, base, set)
	if bytes.Equal(weightsOf(t, rounded), weightsOf(t, plain)) {
		t.Error("the weights are those of float32")
	}
}
