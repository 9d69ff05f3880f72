package train

import (
	"fmt"
	"slices"

	"fragua/model/kernel"
	"fragua/pipeline"
)

// Floats is the precision of training: what linear layers and the head
// multiply, on the way there and back. All else is float32 with either: sums,
// norms, attention, the loss, gradients, the optimizer and the weights that it
// changes (Micikevicius et al. 2018, section 3.1; Kalamkar et al. 2019).
type Floats string

// With BF16 the numbers are rounded to 8 bits of mantissa just before they are
// multiplied, which CPUs with instructions for it do at twice the speed.
const (
	F32  Floats = "f32"
	BF16 Floats = "bf16"
)

// Values implements pipeline.Enum.
func (Floats) Values() []string { return []string{string(F32), string(BF16)} }

const levelBF16 = "avx512bf16"

// Fit returns an error where the kernels in force multiply no such numbers. They
// could round in software, but that is slower than F32 and no better.
func (f Floats) Fit() error { return f.fit(kernel.Level(), kernel.Levels()) }

func (f Floats) fit(level string, levels []string) error {
	if f != BF16 || level == levelBF16 {
		return nil
	}
	hint := fmt.Sprintf("leave precision out to train in f32; bf16 wants a CPU of level %s", levelBF16)
	if slices.Contains(levels, levelBF16) {
		hint = fmt.Sprintf("this machine can: give --cpu %s, or leave --cpu out", levelBF16)
	}
	return pipeline.Hintf(fmt.Errorf("precision: bf16, but the kernels are at level %s, which does not multiply it", level), "%s", hint)
}
