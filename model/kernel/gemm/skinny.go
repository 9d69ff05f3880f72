package gemm

import "fragua/model/kernel/par"

// A skinny GEMM multiplies few rows of A with all of B, as generating token by token does. Memory
// sets the pace, so each row of B is read once, in place.

// skinnyKernels are the serial loops of skinny GEMMs at one level.
type skinnyKernels interface {
	f32(s skinnyArgs[float32, float32], next []float32)
	bf16(s skinnyArgs[float32, uint16])
	int8(s skinnyArgs[int16, int8])
	widen(q *Quantized, dst []float32, r int)          // row r, padding included
	maxAbs(x []float32) float32                        // NaN if there is one; len(x)%16 == 0
	quantize(dst []int16, x []float32, factor float32) // dst = round(x·factor); len(x)%16 == 0
	arrange(row []int16, m int)                        // makes of a row, of m, what int8 reads
	dequantize(x, scales []float32, scale float32)     // x = x·scales·scale
}

// skinnyArgs are C (m×n) = [C +] X (m×k)·W (n×k)ᵀ. With weights of fewer bits, k counts the padding
// in, and W is a Quantized's.
type skinnyArgs[X, W any] struct {
	m, n, k       int
	x             []X
	w             []W
	c             []float32
	ldx, ldw, ldc int
	acc           int // 1: add to C
}

// Skinny computes an NT product in the calling goroutine, reading each row of B once. next is what
// will be read after B, from its start on, and is prefetched; or nil. x.LDA, x.LDB and x.LDC must be
// set.
func (t *Kernels) Skinny(x *Args, next []float32) {
	s := skinnyArgs[float32, float32]{m: x.M, n: x.N, k: x.K, x: x.A, w: x.B, c: x.C, ldx: x.LDA, ldw: x.LDB, ldc: x.LDC}
	if x.Acc {
		s.acc = 1
	}
	t.skinny.f32(s, next)
}

// MulSkinny computes an NT product of M ≤ SkinnyRows by Skinny, shared out among workers, and
// applies the epilogue. Unlike Mul it does so at level plain, too.
func (t *Kernels) MulSkinny(x Args, e Epilogue) {
	x.ready()
	switch {
	case x.M == 0 || x.N == 0:
	case x.K > 0:
		t.call((*call).skinny, &x, &e, par.Workers())
	default:
		t.call(zeroDepth, &x, &e, 1)
	}
}

// skinny is the driver.
func (g *call) skinny() { g.run(g.N, skinnyGrain(g.M, g.N, 4*g.K), (*call).skinnyColumns) }

func (g *call) skinnyColumns(j0, j1 int) {
	x := g.Args
	x.N, x.B, x.C = j1-j0, g.B[j0*g.LDB:], g.C[j0:]
	g.kernels.Skinny(&x, nil)
	g.finish(0, g.M, j0, j1)
}

// skinnyGrain is how many rows of W, of this many bytes, a worker takes at a time to multiply m rows
// with: enough to read at full speed, and few enough for all workers to end at the same time. Where
// arithmetic takes as long as reading, they are more, since the start of a chunk is not prefetched.
func skinnyGrain(m, rows, bytes int) int {
	least, most, parts := 1<<14, 1<<17, 16
	if m > 6 {
		most, parts = 1<<20, 8
	}
	chunk := min(most, max(least, rows*bytes/parts))
	return max(4, (chunk/max(1, bytes)+3)/4*4)
}

// plainSkinny is the plain level.
type plainSkinny struct{}

// f32 takes four rows of W side by side.
func (plainSkinny) f32(s skinnyArgs[float32, float32], _ []float32) {
	for i := range s.m {
		x := s.x[i*s.ldx:][:s.k]
		for j := 0; j < s.n; j += 4 {
			var sums [4]float32
			if s.n-j >= 4 {
				a, b, c, d := s.w[j*s.ldw:][:s.k], s.w[(j+1)*s.ldw:][:s.k], s.w[(j+2)*s.ldw:][:s.k], s.w[(j+3)*s.ldw:][:s.k]
				for q, v := range x {
					sums[0] += float32(v * a[q])
					sums[1] += float32(v * b[q])
					sums[2] += float32(v * c[q])
					sums[3] += float32(v * d[q])
				}
			} else {
				for r := range s.n - j {
					for q, v := range s.w[(j+r)*s.ldw:][:s.k] {
						sums[r] += float32(v * x[q])
					}
				}
			}
			for r, sum := range sums[:min(4, s.n-j)] {
				if s.acc != 0 {
					sum += s.c[i*s.ldc+j+r]
				}
				s.c[i*s.ldc+j+r] = sum
			}
		}
	}
}

func (plainSkinny) bf16(s skinnyArgs[float32, uint16]) {
	for i := range s.m {
		for r := range s.n {
			sum := float32(0)
			for k, v := range s.x[i*s.ldx:][:s.k] {
				sum += float32(v * fromBF16(s.w[r*s.ldw+bf16Place(k)]))
			}
			s.c[i*s.ldc+r] = sum
		}
	}
}

func (plainSkinny) int8(s skinnyArgs[int16, int8]) {
	for i := range s.m {
		for r := range s.n {
			sum := int32(0)
			for k, b := range s.w[r*s.ldw:][:s.k] {
				sum += int32(s.x[i*s.ldx+k]) * int32(b)
			}
			s.c[i*s.ldc+r] = float32(sum)
		}
	}
}
