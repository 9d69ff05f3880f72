package train

import (
	"fmt"
	"slices"

	"fragua/model/kernel"
)

// Floats is the precision of training: what linear layers and the head
// multiply, forward and backward. All else is float32 with either: sums,
// norms, attention, the loss, gradients, the optimizer and the weights that it
// changes (Micikevicius et al. 2018, section 3.1; Kalamkar et al. 2019).
type Floats string

// With BF16 the numbers are rounded to 8 bits of mantissa just before they are
// multiplied, which AMD's CPUs since Zen 4 do at twice the speed, and Intel's with
// AMX (Xeons since Sapphire Rapids, on Linux) at six times. All others round too,
// and multiply what they have rounded in float32.
const (
	F32  Floats = "f32"
	BF16 Floats = "bf16"
	Auto Floats = "auto" // BF16 where the kernels in force multiply it faster, else F32
)

// Values implements settings.Enum.
func (Floats) Values() []string { return []string{string(Auto), string(F32), string(BF16)} }

// Resolve returns F32 or BF16: what Auto means at the level of the kernels in
// force. A stage's key holds it, so that other kernels make another result.
func (f Floats) Resolve() Floats { return f.resolve(kernel.Level(), kernel.Levels()) }

func (f Floats) resolve(level string, levels []string) Floats {
	switch {
	case f != Auto:
		return f
	case BF16.warning(level, levels) == "":
		return BF16
	}
	return F32
}

const (
	levelBF16 = "avx512bf16"
	levelAMX  = "amx"
)

// multipliesBF16 reports whether a level multiplies bf16 faster than f32. Intel's
// CPUs have the instructions of avx512bf16 at half the speed: their levels put it
// before avx512.
func multipliesBF16(level string, levels []string) bool {
	return level == levelAMX || level == levelBF16 && slices.Index(levels, levelBF16) > slices.Index(levels, "avx512")
}

// Warning says in a line that the kernels in force are no faster with the
// precision than with F32; "" where they are.
func (f Floats) Warning() string { return f.warning(kernel.Level(), kernel.Levels()) }

// Noted is the note of an estimate with the Warning, if there is one.
func (f Floats) Noted(note string) string {
	w := f.Warning()
	if note == "" || w == "" {
		return note + w
	}
	return note + "; " + w
}

func (f Floats) warning(level string, levels []string) string {
	fastest := levels[len(levels)-1]
	switch {
	case f != BF16 || multipliesBF16(level, levels):
		return ""
	case level == levelBF16:
		return fmt.Sprintf("precision bf16: this CPU multiplies bf16 more slowly than f32; faster: --cpu %s, which rounds to bf16 and multiplies in f32", fastest)
	}
	line := fmt.Sprintf("precision bf16: kernels of level %s round to bf16 and multiply in f32, which is no faster than f32", level)
	if multipliesBF16(fastest, levels) {
		line += "; this machine can: --cpu " + fastest
	}
	return line
}
