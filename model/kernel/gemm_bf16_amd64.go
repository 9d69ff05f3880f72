//go:build amd64 && !purego

package kernel

import "math"

// pairASM is the assembly of a packedGemm for bfloat16. Its unit is the word: two neighbours in k. Every
// tile rounds the blocks of A and B that it is about to use, into rows of words and panels
// of words; where that means to transpose B (NT), it is done once for all tiles. Blocks of
// k are filled up with zeros to whole vectors.
type pairASM struct {
	kernels     [9][4]gemmKernel // as of packedGemm, strides and depths counting words
	toBF16      func(n int, dst, src *float32)
	fromColumns func(blocks int, src *float32, lds int, dst *float32, ldd int)
	fromRows    func(blocks int, src *float32, lds int, dst *float32, ldd int)
	pairRows    [4]func(pairs int, src *float32, lds int, dst *float32)
}

func (s *pairASM) gemm(g *product) {
	widest := kernelShape.widest * kernelShape.lanes
	step := max(tileColumns, 2*packedMost/g.k/widest*widest)
	for j := 0; j < g.n; j += step {
		t := &pairs{pairASM: s, product: g, j0: j, j1: min(g.n, j+step), block: depthPairs(g.k)}
		t.panels = kernelShape.cut(t.j1 - t.j0)
		t.multiply()
	}
}

const (
	deepest = 512 // most of k in a block
	vector  = 32  // bfloat16 in a register
)

// depthPairs cuts k into equal blocks of whole vectors.
func depthPairs(k int) int {
	blocks := (k + deepest - 1) / deepest
	return ((k+blocks-1)/blocks + vector - 1) / vector * vector
}

// words is how many words k elements take, filled up.
func words(k int) int { return (k + vector - 1) / vector * vector / 2 }

// pairs is the product of columns [j0, j1).
type pairs struct {
	*pairASM
	*product
	panels
	j0, j1, block int
	packed        []float32 // B for all tiles, or nil
}

// kernelShape cuts C as for float32.
var kernelShape = &gemmAVX512

func (t *pairs) multiply() {
	if t.op == NT {
		t.packed = borrow(t.padded * words(t.k))
		defer giveBack(t.packed)
		blocks := (t.k + t.block - 1) / t.block
		t.run(blocks*t.count, 1, func(u, _ int) {
			k0 := u / t.count * t.block
			k := min(t.block, t.k-k0)
			column, _ := t.at(u % t.count)
			t.pack(t.packed[t.padded*k0/2+column*words(k):], u%t.count, k0, k)
		})
	}
	rows, group := kernelShape.shape(t.m, &t.panels, tileColumns, t.workers)
	down, groups := (t.m+rows-1)/rows, (t.count+group-1)/group
	t.run(down*groups, 1, func(u, _ int) {
		i, first := u%down*rows, u/down*group
		t.tile(i, min(t.m, i+rows), first, min(t.count, first+group))
	})
}

// tile computes rows [i0, i1) of panels [first, last).
func (t *pairs) tile(i0, i1, first, last int) {
	stride := t.block/2 + 16 // not a power of two, for the sake of the cache
	a := borrow((i1 - i0) * stride)
	defer giveBack(a)
	left, _ := t.at(first)
	var own []float32
	if t.packed == nil {
		own = borrow((last - first) * t.width * t.block / 2)
		defer giveBack(own)
	}
	for k0 := 0; k0 < t.k; k0 += t.block {
		k := min(t.block, t.k-k0)
		w := words(k)
		t.roundA(a, stride, i0, i1, k0, k)
		b := own
		if own == nil {
			b = t.packed[t.padded*k0/2+left*w:]
		} else {
			for n := first; n < last; n++ {
				column, _ := t.at(n)
				t.pack(own[(column-left)*w:], n, k0, k)
			}
		}
		acc := 0
		if t.acc || k0 > 0 {
			acc = 1
		}
		for i := i0; i < i1; i += len(t.kernels) - 1 {
			kernels := &t.kernels[min(len(t.kernels)-1, i1-i)]
			for n := first; n < last; n++ {
				column, vectors := t.at(n)
				j := t.j0 + column
				tail := min(t.lanes, t.j1-j-(vectors-1)*t.lanes)
				kernels[vectors](w, &a[(i-i0)*stride], stride, &b[(column-left)*w], vectors*t.lanes, &t.c[i*t.ldc+j], t.ldc, acc, tail, &a[0], 0, nil)
			}
		}
	}
	t.finish(i0, i1, t.j0+left, t.j0+t.end(last))
}

// roundA writes rows [i0, i1) and depths [k0, k0+k) of op(A) as words.
func (t *pairs) roundA(dst []float32, stride, i0, i1, k0, k int) {
	if t.op != TN {
		for i := i0; i < i1; i++ {
			t.toBF16(k, &dst[(i-i0)*stride], &t.a[i*t.lda+k0])
		}
		return
	}
	whole := k / vector
	for i := i0; i < i1; i += 16 {
		d := dst[(i-i0)*stride:]
		done := 0
		if i1-i >= 16 {
			if done = whole; whole > 0 {
				t.fromColumns(whole, &t.a[k0*t.lda+i], t.lda, &d[0], stride)
			}
		}
		for q := done * vector; q < k; q += 2 {
			odd := q+1 < k
			for r := range min(16, i1-i) {
				low, high := t.a[(k0+q)*t.lda+i+r], float32(0)
				if odd {
					high = t.a[(k0+q+1)*t.lda+i+r]
				}
				d[r*stride+q/2] = word(low, high)
			}
		}
		for r := range min(16, i1-i) {
			clear(d[r*stride+(k+1)/2 : r*stride+words(k)])
		}
	}
}

// word packs two elements; it is never used as the float32 that it is called.
func word(low, high float32) float32 {
	return math.Float32frombits(uint32(bfloat16(low)) | uint32(bfloat16(high))<<16)
}

// pack writes panel n of depths [k0, k0+k) of op(B).
func (t *pairs) pack(dst []float32, n, k0, k int) {
	column, vectors := t.at(n)
	width, j := vectors*t.lanes, t.j0+column
	cols := min(width, t.j1-j)
	done := 0 // depths that assembly has packed, for all columns
	switch {
	case cols < width:
	case t.op == NT:
		if done = k / vector * vector; done > 0 {
			for v := 0; v < width; v += t.lanes {
				t.fromRows(done/vector, &t.b[(j+v)*t.ldb+k0], t.ldb, &dst[v], width)
			}
		}
	default:
		if done = k / 2 * 2; done > 0 {
			t.pairRows[vectors](done/2, &t.b[k0*t.ldb+j], t.ldb, &dst[0])
		}
	}
	element := func(q, c int) float32 {
		switch {
		case q >= k || c >= cols:
			return 0
		case t.op == NT:
			return t.b[(j+c)*t.ldb+k0+q]
		}
		return t.b[(k0+q)*t.ldb+j+c]
	}
	for p := done / 2; p < words(k); p++ {
		for c := range width {
			dst[p*width+c] = word(element(2*p, c), element(2*p+1, c))
		}
	}
}

var pairsAVX512 = pairASM{
	toBF16:      toBF16AVX512,
	fromColumns: columnsBF16AVX512,
	fromRows:    transposeBF16AVX512,
	pairRows:    [4]func(int, *float32, int, *float32){1: pairRows1xAVX512, 2: pairRows2xAVX512, 3: pairRows3xAVX512},
	kernels: [9][4]gemmKernel{
		1: {1: bf16R1x1AVX512, 2: bf16R1x2AVX512, 3: bf16R1x3AVX512},
		2: {1: bf16R2x1AVX512, 2: bf16R2x2AVX512, 3: bf16R2x3AVX512},
		3: {1: bf16R3x1AVX512, 2: bf16R3x2AVX512, 3: bf16R3x3AVX512},
		4: {1: bf16R4x1AVX512, 2: bf16R4x2AVX512, 3: bf16R4x3AVX512},
		5: {1: bf16R5x1AVX512, 2: bf16R5x2AVX512, 3: bf16R5x3AVX512},
		6: {1: bf16R6x1AVX512, 2: bf16R6x2AVX512, 3: bf16R6x3AVX512},
		7: {1: bf16R7x1AVX512, 2: bf16R7x2AVX512, 3: bf16R7x3AVX512},
		8: {1: bf16R8x1AVX512, 2: bf16R8x2AVX512, 3: bf16R8x3AVX512},
	},
}
