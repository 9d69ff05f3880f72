//go:build amd64 && !purego

package kernel

import "unsafe"

// A fewKernel multiplies rows of x with groups of one or four rows of w. n counts elements of
// float32, else cache lines of w. The four rows of a group are apart rows from each other, and so
// are their columns of c; the next group is of the rows behind them. What lies early bytes behind
// each row is asked for in advance, pace bytes of it for each cache line that is read.
type fewKernel[X float32 | int16, W float32 | uint16 | int8] func(groups, n int, x *X, ldx int, w *W, ldw int, c *float32, ldc, acc, apart, early, pace int)

// fewASM are products of few rows, where w is read where it lies. The kernels are by [rows of
// x][0: one row of w, 1: four].
type fewASM struct {
	float     [][2]fewKernel[float32, float32]
	half      [][2]fewKernel[float32, uint16]
	bytes     [][2]fewKernel[int16, int8]
	widenHalf func(n int, dst *float32, src *uint16)
	widenByte func(n int, dst *float32, src *int8, scale float32)
	top       func(n int, x *float32) float32
	round     func(n int, dst *int16, x *float32, by float32)
	load      func(n int, x *float32)
}

func (s *fewASM) fill(b *bodies) {
	b.few, b.narrow, b.widen, b.highest, b.quantize, b.read = s.floats, s.narrow, s.widen, s.highest, s.quantize, s.read
}

// few sets C (m×n) = [C +] X·Wᵀ; steps is what the kernels count k in, early where what is asked
// for in advance lies behind W, where one pass is enough.
func few[X float32 | int16, W float32 | uint16 | int8](kernels [][2]fewKernel[X, W], m, n, steps int, x []X, ldx int, w []W, ldw int, c []float32, ldc, acc, early int) {
	passes := (m + len(kernels) - 2) / (len(kernels) - 1)
	row := ldw * int(unsafe.Sizeof(w[0]))
	block := n // rows of w
	if passes > 1 {
		block = 4 * max(1, fewBlock/(4*row))
	}
	for j0 := 0; j0 < n; j0 += block {
		rows := min(block, n-j0)
		apart := rows / 4
		for p := range passes {
			// A pass over a block asks for its share of the next one, but the first of all for
			// what it will read itself.
			early, pace := early, cacheLine
			if share, of := p, passes; passes > 1 && j0+p > 0 {
				if j0 == 0 {
					share, of = p-1, passes-1
				}
				early, pace = block*row+share*apart*row/of, (cacheLine+of-1)/of
			}
			i0, i1 := p*m/passes, (p+1)*m/passes
			f, j := &kernels[i1-i0], j0
			if apart > 0 {
				f[1](apart, steps, &x[i0*ldx], ldx, &w[j*ldw], ldw, &c[i0*ldc+j], ldc, acc, apart, early, pace)
				j += 4 * apart
			}
			if rest := rows % 4; rest > 0 {
				f[0](rest, steps, &x[i0*ldx], ldx, &w[j*ldw], ldw, &c[i0*ldc+j], ldc, acc, 1, early, pace)
			}
		}
	}
}

const (
	cacheLine = 64
	fewEarly  = 768     // bytes that a row is asked for in advance
	fewBlock  = 1 << 16 // bytes of w that stay in the cache until all of x has met them
)

func (s *fewASM) floats(m, n, k int, x []float32, ldx int, w []float32, ldw int, c []float32, ldc, acc int, then []float32) {
	early := fewEarly
	if then != nil {
		early = int(uintptr(unsafe.Pointer(&then[0])) - uintptr(unsafe.Pointer(&w[0])))
	}
	few(s.float, m, n, k, x, ldx, w, ldw, c, ldc, acc, early)
}

func (s *fewASM) narrow(w *Weights, y []float32, in *input, n, lo, hi int) {
	switch {
	case w.cols == 0:
		for i := range n {
			clear(y[i*w.rows+lo : i*w.rows+hi])
		}
	case w.half == nil:
		few(s.bytes, n, hi-lo, w.stride/64, in.whole, w.stride, w.bytes[lo*w.stride:], w.stride, y[lo:], w.rows, 0, fewEarly)
	default:
		few(s.half, n, hi-lo, w.stride/32, in.x, w.stride, w.half[lo*w.stride:], w.stride, y[lo:], w.rows, 0, fewEarly)
	}
}

func (s *fewASM) widen(w *Weights, dst []float32, r int) {
	switch {
	case w.stride == 0:
	case w.half != nil:
		s.widenHalf(w.stride/32, &dst[0], &w.half[r*w.stride])
	default:
		s.widenByte(w.stride/64, &dst[0], &w.bytes[r*w.stride], w.scales[r])
	}
}

// highest and quantize are for whole cache lines.
func (s *fewASM) highest(x []float32) float32 { return s.top(len(x)/16, &x[0]) }

func (s *fewASM) quantize(dst []int16, x []float32, by float32) {
	s.round(len(x)/16, &dst[0], &x[0], by)
}

func (s *fewASM) read(x []float32) { s.load(len(x)/readBlock, &x[0]) }

var fewAVX2 = fewASM{
	float: [][2]fewKernel[float32, float32]{
		1: {fewFloat1x1AVX2, fewFloat1x4AVX2},
		2: {fewFloat2x1AVX2, fewFloat2x4AVX2},
	},
	half: [][2]fewKernel[float32, uint16]{
		1: {fewBF161x1AVX2, fewBF161x4AVX2},
		2: {fewBF162x1AVX2, fewBF162x4AVX2},
	},
	bytes: [][2]fewKernel[int16, int8]{
		1: {fewInt81x1AVX2, fewInt81x4AVX2},
		2: {fewInt82x1AVX2, fewInt82x4AVX2},
	},
	widenHalf: widenBF16AVX2, widenByte: widenInt8AVX2, top: highestAVX2, round: quantizeAVX2, load: readAVX2,
}

var fewAVX512 = fewASM{
	float: [][2]fewKernel[float32, float32]{
		1: {fewFloat1x1AVX512, fewFloat1x4AVX512},
		2: {fewFloat2x1AVX512, fewFloat2x4AVX512},
		3: {fewFloat3x1AVX512, fewFloat3x4AVX512},
		4: {fewFloat4x1AVX512, fewFloat4x4AVX512},
		5: {fewFloat5x1AVX512, fewFloat5x4AVX512},
		6: {fewFloat6x1AVX512, fewFloat6x4AVX512},
	},
	half: [][2]fewKernel[float32, uint16]{
		1: {fewBF161x1AVX512, fewBF161x4AVX512},
		2: {fewBF162x1AVX512, fewBF162x4AVX512},
		3: {fewBF163x1AVX512, fewBF163x4AVX512},
		4: {fewBF164x1AVX512, fewBF164x4AVX512},
		5: {fewBF165x1AVX512, fewBF165x4AVX512},
		6: {fewBF166x1AVX512, fewBF166x4AVX512},
	},
	bytes: [][2]fewKernel[int16, int8]{
		1: {fewInt81x1AVX512, fewInt81x4AVX512},
		2: {fewInt82x1AVX512, fewInt82x4AVX512},
		3: {fewInt83x1AVX512, fewInt83x4AVX512},
		4: {fewInt84x1AVX512, fewInt84x4AVX512},
		5: {fewInt85x1AVX512, fewInt85x4AVX512},
		6: {fewInt86x1AVX512, fewInt86x4AVX512},
	},
	widenHalf: widenBF16AVX512, widenByte: widenInt8AVX512, top: highestAVX512, round: quantizeAVX512, load: readAVX512,
}
