package finetune

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"fragua/model/kernel"
	"fragua/model/train"
	"fragua/pipeline"
)

// Where the kernels multiply bfloat16, the same examples give other weights;
// elsewhere it is refused before anything is read.
func TestBF16(t *testing.T) {
	base, examples := baseModel(t, 32), examplesDir(t, moods(40))
	f := tune(sentiment(KeepEnds))
	f.Epochs, f.Floats = 1, train.BF16
	if f.Precision() != "bf16" {
		t.Errorf("the key would say %q", f.Precision())
	}
	if kernel.Level() != "avx512bf16" {
		env := &pipeline.Env{In: map[string][]pipeline.Dir{"model": {base}, "examples": {examples}}}
		_, planned := f.Estimate(env)
		_, ran := f.do(context.Background(), env, pipeline.Task{})
		for _, err := range []error{planned, ran} {
			var h *pipeline.Hint
			if !errors.As(err, &h) || !strings.Contains(h.Fix, "avx512bf16") {
				t.Errorf("error is %v, want a hint about the level", err)
			}
		}
		t.Skip("this CPU does not multiply bfloat16")
	}
	rounded, _ := run(t, f, base, examples)
	f = tune(sentiment(KeepEnds))
	f.Epochs = 1
	plain, _ := run(t, f, base, examples)
	if bytes.Equal(weightsOf(t, rounded), weightsOf(t, plain)) {
		t.Error("the weights are those of float32")
	}
}
