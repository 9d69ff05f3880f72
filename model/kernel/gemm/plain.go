package gemm

import "fragua/model/kernel/par"

// Plain is Go alone: what the other levels are held to, and what runs where there is no assembly.
var Plain = Kernels{
	Name: "plain", Strip: 16,
	f32: plainGemm, bf16: roundedCopies(plainGemm),
	skinny: plainSkinny{}, addTo: addToPlain, round: roundPlain, readAll: readPlain,
}

// The blocking of the plain level.
const (
	plainMC, plainNC, plainKC = 128, 256, 256
	plainMR, plainNR          = 4, 4
)

// plainGemm packs panels of B and strips of A, so that one micro-kernel reads all three forms in
// order, and adds up K in blocks of KC.
func plainGemm(g *call) {
	down, across := (g.M+plainMC-1)/plainMC, (g.N+plainNC-1)/plainNC
	g.run(down*across, 1, func(g *call, t, _ int) {
		down := (g.M + plainMC - 1) / plainMC
		i, j := t%down*plainMC, t/down*plainNC
		i1, j1 := min(g.M, i+plainMC), min(g.N, j+plainNC)
		g.plainTile(i, i1, j, j1)
		g.finish(i, i1, j, j1)
	})
}

func (g *call) plainTile(i0, i1, j0, j1 int) {
	kc := min(g.K, plainKC)
	panels := par.GetScratch((j1 - j0 + 3) / 4 * 4 * kc)
	strip := par.GetScratch(4 * kc)
	defer par.PutScratch(panels)
	defer par.PutScratch(strip)
	for p := 0; p < g.K; p += plainKC {
		kc := min(plainKC, g.K-p)
		for j := j0; j < j1; j += plainNR {
			d := panels[(j-j0)*kc:][:4*kc]
			if g.Op == NT {
				packRows4(d, g.B[j*g.LDB+p:], g.LDB, min(4, j1-j), kc)
			} else {
				packColumns4(d, g.B[p*g.LDB+j:], g.LDB, min(4, j1-j), kc)
			}
		}
		for i := i0; i < i1; i += plainMR {
			rows := min(4, i1-i)
			if g.Op == TN {
				packColumns4(strip[:4*kc], g.A[p*g.LDA+i:], g.LDA, rows, kc)
			} else {
				packRows4(strip[:4*kc], g.A[i*g.LDA+p:], g.LDA, rows, kc)
			}
			for j := j0; j < j1; j += plainNR {
				var t [4][4]float32
				plainMicroKernel(&t, strip[:4*kc], panels[(j-j0)*kc:][:4*kc])
				cols := min(4, j1-j)
				for r := range rows {
					c := g.C[(i+r)*g.LDC+j:][:cols]
					if g.Acc || p > 0 {
						for q := range c {
							c[q] += t[r][q]
						}
					} else {
						copy(c, t[r][:])
					}
				}
			}
		}
	}
}

// packRows4 writes n ≤ 4 rows of k elements, ld apart, as k groups of four. Missing rows are 0.
func packRows4(dst, src []float32, ld, n, k int) {
	for r := range 4 {
		if r >= n {
			for p := range k {
				dst[4*p+r] = 0
			}
			continue
		}
		for p, v := range src[r*ld:][:k] {
			dst[4*p+r] = v
		}
	}
}

// packColumns4 writes the first n ≤ 4 elements of k rows, ld apart, as k groups of four.
func packColumns4(dst, src []float32, ld, n, k int) {
	for p := range k {
		d := dst[4*p:][:4]
		clear(d[copy(d, src[p*ld:][:n]):])
	}
}

// plainMicroKernel sets t = Σ aᵀ·b over groups of four.
func plainMicroKernel(t *[4][4]float32, a, b []float32) {
	var c00, c01, c02, c03, c10, c11, c12, c13 float32
	var c20, c21, c22, c23, c30, c31, c32, c33 float32
	for len(a) >= 4 && len(b) >= 4 {
		b0, b1, b2, b3 := b[0], b[1], b[2], b[3]
		x := a[0]
		c00 += float32(x * b0)
		c01 += float32(x * b1)
		c02 += float32(x * b2)
		c03 += float32(x * b3)
		x = a[1]
		c10 += float32(x * b0)
		c11 += float32(x * b1)
		c12 += float32(x * b2)
		c13 += float32(x * b3)
		x = a[2]
		c20 += float32(x * b0)
		c21 += float32(x * b1)
		c22 += float32(x * b2)
		c23 += float32(x * b3)
		x = a[3]
		c30 += float32(x * b0)
		c31 += float32(x * b1)
		c32 += float32(x * b2)
		c33 += float32(x * b3)
		a, b = a[4:], b[4:]
	}
	*t = [4][4]float32{{c00, c01, c02, c03}, {c10, c11, c12, c13}, {c20, c21, c22, c23}, {c30, c31, c32, c33}}
}

func addToPlain(dst, x []float32) {
	for i := range dst {
		dst[i] += x[i]
	}
}
