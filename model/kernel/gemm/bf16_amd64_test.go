//go:build amd64 && !purego

package gemm

import (
	"testing"
	"unsafe"
)

// The driver of bfloat16 words with Go in place of its assembly: what it packs, pads and cuts can be
// tested on a CPU without the instructions. The same for AMX.
func TestPairsWithoutInstructions(t *testing.T) {
	floats := func(p *float32, n int) []float32 { return unsafe.Slice(p, n) }
	halves := func(w float32) (low, high float32) {
		u := *(*uint32)(unsafe.Pointer(&w))
		return fromBF16(uint16(u)), fromBF16(uint16(u >> 16))
	}
	// emulate is the micro-kernel of this many rows and vectors that reads A by rows, or else by columns.
	emulate := func(rows, vectors int, byRows bool) microKernel {
		return func(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int, tail int, _ prefetch) {
			cols := 16*(vectors-1) + tail
			row, column := lda, 1 // from an element of A to the next
			if !byRows {
				row, column = 1, lda
			}
			x, y, z := floats(a, (rows-1)*row+(k-1)*column+1), floats(b, (k-1)*ldb+16*vectors), floats(c, (rows-1)*ldc+cols)
			for i := range rows {
				for j := range cols {
					sum := float32(0)
					for p := range k {
						xl, xh := halves(x[i*row+p*column])
						yl, yh := halves(y[p*ldb+j])
						sum += float32(xl*yl) + float32(xh*yh)
					}
					if acc != 0 {
						sum += z[i*ldc+j]
					}
					z[i*ldc+j] = sum
				}
			}
		}
	}
	s := pairs{
		toWords: func(n int, dst, src *float32) {
			x, d := floats(src, n), floats(dst, words(n))
			clear(d)
			for i := range (n + 1) / 2 {
				high := float32(0)
				if 2*i+1 < n {
					high = x[2*i+1]
				}
				d[i] = word(x[2*i], high)
			}
		},
		transpose: func(blocks int, src *float32, lds int, dst *float32, ldd int) {
			x, d := floats(src, 15*lds+32*blocks), floats(dst, (16*blocks-1)*ldd+16)
			for r := range 16 {
				for p := range 16 * blocks {
					d[p*ldd+r] = word(x[r*lds+2*p], x[r*lds+2*p+1])
				}
			}
		},
	}
	for v := 1; v <= 3; v++ {
		s.pairRows[v] = func(pairs int, src *float32, lds int, dst *float32) {
			x, d := floats(src, (2*pairs-1)*lds+16*v), floats(dst, pairs*16*v)
			for p := range pairs {
				for c := range 16 * v {
					d[p*16*v+c] = word(x[2*p*lds+c], x[(2*p+1)*lds+c])
				}
			}
		}
		for r := 1; r <= 8; r++ {
			s.byRows[r][v] = emulate(r, v, true)
		}
		s.byColumns[v] = emulate(8, v, false)
	}
	emulated := Plain
	emulated.Name, emulated.bf16 = "emulated", splitK(s.gemm)
	testGemmBF16(t, &emulated)
	testGarbage(t, &emulated)

	a := amx{pairs: &s, transposeWords: func(blocks int, src *float32, lds int, dst *float32, ldd int) {
		x, d := floats(src, 15*lds+16*blocks), floats(dst, (16*blocks-1)*ldd+16)
		for r := range 16 {
			for p := range 16 * blocks {
				d[p*ldd+r] = x[r*lds+p]
			}
		}
	}}
	for v := 1; v <= 3; v++ {
		for tiles := 1; tiles <= 2; tiles++ {
			byWords := emulate(16*tiles, v, true)
			a.micro[tiles][v] = func(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, acc int) {
				byWords(16*k, a, lda, b, ldb, c, ldc, acc, 16, prefetch{})
			}
		}
	}
	emulated.Name, emulated.bf16 = "emulated amx", splitK(a.gemm)
	testGemmBF16(t, &emulated)
	testGarbage(t, &emulated)
}
