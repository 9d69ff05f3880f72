package kernel

import "fragua/model/kernel/par"

// gemmPlain packs panels of four columns of B and four rows of A, so that one kernel
// reads all three forms in order, and adds up k in blocks of plainDepth.
func gemmPlain(g *product) {
	down, across := (g.m+plainRows-1)/plainRows, (g.n+plainColumns-1)/plainColumns
	g.run(down*across, 1, func(g *product, t, _ int) {
		down := (g.m + plainRows - 1) / plainRows
		i, j := t%down*plainRows, t/down*plainColumns
		i1, j1 := min(g.m, i+plainRows), min(g.n, j+plainColumns)
		g.plainTile(i, i1, j, j1)
		g.finish(i, i1, j, j1)
	})
}

const plainRows, plainColumns = 128, 256 // of a tile

func (g *product) plainTile(i0, i1, j0, j1 int) {
	const plainDepth = 256
	kc := min(g.k, plainDepth)
	panels := par.GetScratch((j1 - j0 + 3) / 4 * 4 * kc)
	strip := par.GetScratch(4 * kc)
	defer par.PutScratch(panels)
	defer par.PutScratch(strip)
	for p := 0; p < g.k; p += plainDepth {
		kc := min(plainDepth, g.k-p)
		for j := j0; j < j1; j += 4 {
			d := panels[(j-j0)*kc:][:4*kc]
			if g.op == NT {
				interleave(d, g.b[j*g.ldb+p:], g.ldb, min(4, j1-j), kc)
			} else {
				gather(d, g.b[p*g.ldb+j:], g.ldb, min(4, j1-j), kc)
			}
		}
		for i := i0; i < i1; i += 4 {
			rows := min(4, i1-i)
			if g.op == TN {
				gather(strip[:4*kc], g.a[p*g.lda+i:], g.lda, rows, kc)
			} else {
				interleave(strip[:4*kc], g.a[i*g.lda+p:], g.lda, rows, kc)
			}
			for j := j0; j < j1; j += 4 {
				var t [4][4]float32
				tile4(&t, strip[:4*kc], panels[(j-j0)*kc:][:4*kc])
				cols := min(4, j1-j)
				for r := range rows {
					c := g.c[(i+r)*g.ldc+j:][:cols]
					if g.acc || p > 0 {
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

// interleave writes n ≤ 4 rows of k elements, ld apart, as k groups of four; rows that
// are not there are 0.
func interleave(dst, src []float32, ld, n, k int) {
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

// gather writes the first n ≤ 4 elements of k rows, ld apart, as k groups of four.
func gather(dst, src []float32, ld, n, k int) {
	for p := range k {
		d := dst[4*p:][:4]
		clear(d[copy(d, src[p*ld:][:n]):])
	}
}

// tile4 sets t = Σ aᵀ·b over groups of four.
func tile4(t *[4][4]float32, a, b []float32) {
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

// The plain level packs nothing in advance.
func packTPlain(dst, src []float32, ld, n, k int) {
	for r := range n {
		copy(dst[r*k:][:k], src[r*ld:])
	}
}

func mulPackedPlain(m, n, k int, a []float32, lda int, packed []float32, total int, c []float32, ldc int) {
	gemmBody(gemmPlain).multiply(arguments{NT, m, n, k, a, packed, c, lda, k, ldc, false}, epilogue{}, nil, 1)
}

func mulTilePlain(op Op, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, acc bool) {
	gemmBody(gemmPlain).multiply(arguments{op, m, n, k, a, b, c, lda, ldb, ldc, acc}, epilogue{}, nil, 1)
}
