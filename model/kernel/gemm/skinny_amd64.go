//go:build amd64 && !purego

package gemm

import "unsafe"

// A skinnyKernel multiplies rows of x with rows of w: one at a time, or four side by side. n counts
// elements of float32, else cache lines of w. Four rows side by side are groups rows apart from each
// other, and so are their columns of c; the rows of the next group are those after them.
type skinnyKernel[X float32 | int16, W float32 | uint16 | int8] func(groups, n int, x *X, ldx int, w *W, ldw int, c *float32, ldc, acc int, ahead skinnyPrefetch)

// A skinnyPrefetch says what of w is prefetched: what lies distance bytes after each row, pace bytes
// of it for each cache line that is read.
type skinnyPrefetch struct{ distance, pace int }

// skinnyASM are the kernels of one instruction set, by [rows of x][0: one row of w, 1: four].
type skinnyASM struct {
	kernelsF32  [][2]skinnyKernel[float32, float32]
	kernelsBF16 [][2]skinnyKernel[float32, uint16]
	kernelsInt8 [][2]skinnyKernel[int16, int8]
	widenBF16   func(n int, dst *float32, src *uint16)
	widenInt8   func(n int, dst *float32, src *int8, scale float32)
	largest     func(n int, x *float32) float32
	toInt16     func(n int, dst *int16, x *float32, factor float32)
	rescale     func(n int, x, scales *float32, scale float32)
}

const (
	cacheLine      = 64      // bytes
	skinnyDistance = 768     // bytes that a row is prefetched before it is read
	skinnyBlock    = 1 << 16 // bytes of w that stay in the cache until all of x is multiplied with them
)

// runSkinny cuts the rows of x into passes of as many as the kernels have. k counts what the kernels
// count; distance is to what is prefetched where one pass is enough.
func runSkinny[X float32 | int16, W float32 | uint16 | int8](kernels [][2]skinnyKernel[X, W], s *skinnyArgs[X, W], k, distance int) {
	passes := (s.m + len(kernels) - 2) / (len(kernels) - 1)
	row := s.ldw * int(unsafe.Sizeof(s.w[0]))
	block := s.n // rows of w
	if passes > 1 {
		block = 4 * max(1, skinnyBlock/(4*row))
	}
	for j0 := 0; j0 < s.n; j0 += block {
		rows := min(block, s.n-j0)
		groups := rows / 4
		for p := range passes {
			// A pass over a block prefetches its share of the next one, but the first of all does
			// what it will read itself.
			ahead := skinnyPrefetch{distance, cacheLine}
			if share, of := p, passes; passes > 1 && j0+p > 0 {
				if j0 == 0 {
					share, of = p-1, passes-1
				}
				ahead = skinnyPrefetch{block*row + share*groups*row/of, (cacheLine + of - 1) / of}
			}
			i0, i1 := p*s.m/passes, (p+1)*s.m/passes
			f, j := &kernels[i1-i0], j0
			if groups > 0 {
				f[1](groups, k, &s.x[i0*s.ldx], s.ldx, &s.w[j*s.ldw], s.ldw, &s.c[i0*s.ldc+j], s.ldc, s.acc, ahead)
				j += 4 * groups
			}
			if rest := rows % 4; rest > 0 {
				f[0](rest, k, &s.x[i0*s.ldx], s.ldx, &s.w[j*s.ldw], s.ldw, &s.c[i0*s.ldc+j], s.ldc, s.acc, ahead)
			}
		}
	}
}

func (a *skinnyASM) f32(s skinnyArgs[float32, float32], next []float32) {
	distance := skinnyDistance
	if next != nil {
		distance = int(uintptr(unsafe.Pointer(&next[0])) - uintptr(unsafe.Pointer(&s.w[0])))
	}
	runSkinny(a.kernelsF32, &s, s.k, distance)
}

func (a *skinnyASM) bf16(s skinnyArgs[float32, uint16]) {
	runSkinny(a.kernelsBF16, &s, s.k/32, skinnyDistance)
}

func (a *skinnyASM) int8(s skinnyArgs[int16, int8]) {
	runSkinny(a.kernelsInt8, &s, s.k/64, skinnyDistance)
}

func (a *skinnyASM) widen(q *Quantized, dst []float32, r int) {
	switch {
	case q.stride == 0:
	case q.half != nil:
		a.widenBF16(q.stride/32, &dst[0], &q.half[r*q.stride])
	default:
		a.widenInt8(q.stride/64, &dst[0], &q.bytes[r*q.stride], q.scales[r])
	}
}

// maxAbs and quantize take whole cache lines.
func (a *skinnyASM) maxAbs(x []float32) float32 { return a.largest(len(x)/16, &x[0]) }

func (a *skinnyASM) quantize(dst []int16, x []float32, factor float32) {
	a.toInt16(len(x)/16, &dst[0], &x[0], factor)
}

func (a *skinnyASM) arrange([]int16, int) {}

func (a *skinnyASM) dequantize(x, scales []float32, scale float32) {
	if n := len(x); n > 0 {
		a.rescale(n, &x[0], &scales[:n][0], scale)
	}
}
