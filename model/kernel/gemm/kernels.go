package gemm

// Kernels is the kernel table of one CPU level. Its methods multiply at that level; the results of
// Plain define those of the others.
type Kernels struct {
	Name  string // "plain", "avx2", "avx512", "avx512bf16" or "amx"
	Lanes int    // float32 in a vector; 0 at level plain
	Strip int    // rows that small products are best cut into: a multiple of MR

	f32, bf16            driver
	blocked, blockedBF16 *blocked // what these are made of, where that packs float32; or nil
	skinny               skinnyKernels
	addTo                func(dst, x []float32) // dst += x
	round                func(dst, x []float32) // to bfloat16, which float32 holds exactly
	peak, peakBF16       func(loops int)        // 12·loops independent multiply-adds; nil: no instructions
	readAll              func(x []float32)      // whole readBlocks
}

// BF16Faster reports whether BF16 makes a GEMM faster at this level, rather than a little slower:
// whether the level has instructions that multiply bfloat16. It depends on the level alone, never on
// a measurement, so that a run resumed at the same level on another machine multiplies the same way.
//
// On two cores of a Zen 5, of 4096×1152×384 and the like, level avx512bf16 multiplies 1.7 to 1.9
// times as fast with BF16 as without (BenchmarkBF16Ratio), and level amx six times as fast. Intel's CPUs have the instructions at half
// the rate of float32, so there the level is not the default: see Levels.
func (t *Kernels) BF16Faster() bool { return t.peakBF16 != nil }
