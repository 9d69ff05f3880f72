package kernel

import (
	"fmt"

	"fragua/model/kernel/par"
)

// Op says which operand of a product is read transposed.
type Op int

const (
	NT Op = iota // C (m×n) = A (m×k) · B (n×k)ᵀ: a linear layer, y = x·Wᵀ
	NN           // C (m×n) = A (m×k) · B (k×n): its gradient to x, dx = dy·W
	TN           // C (m×n) = A (k×m)ᵀ · B (k×n): its gradient to W, dW = dyᵀ·x
)

// A gemmBody computes a product whose m, n and k are not 0.
type gemmBody func(g *product)

// arguments are those of Gemm.
type arguments struct {
	op            Op
	m, n, k       int
	a, b, c       []float32
	lda, ldb, ldc int
	acc           bool
}

// A product is one being computed.
type product struct {
	arguments
	level   *bodies
	after   epilogue
	workers int // that may share the work, at least 1: the caller
	plan    plan
	part    func(g *product, lo, hi int) // of the work that is being shared
}

var products par.FreeList[product]

// multiply computes a product, here of arguments that fit.
func (gemm gemmBody) multiply(x arguments, after epilogue, level *bodies, workers int) {
	g := products.Get()
	g.arguments, g.after, g.level, g.workers = x, after, level, workers
	gemm(g)
	g.free()
}

func (g *product) free() {
	*g = product{}
	products.Put(g)
}

// run shares out work among the product's workers.
func (g *product) run(n, grain int, part func(g *product, lo, hi int)) {
	g.part = part
	if g.workers > 1 {
		par.Run(n, grain, g)
	} else {
		par.Inline(n, grain, g)
	}
}

func (g *product) Chunk(lo, hi int) { g.part(g, lo, hi) }

// Gemm sets C (m×n) to op(A)·op(B), or with acc adds it. Matrices are row-major, lda, ldb
// and ldc the distance between the starts of their rows. The order in which an element's
// k products are added is fixed by the shape and the level alone. C may not overlap A or B.
//
// With bf16, the elements of A and B are rounded to bfloat16, to nearest even, before they are
// multiplied; sums are float32. Level avx512bf16 has instructions for that; the others multiply
// in float32 what they have rounded, and are no faster than without.
func Gemm(op Op, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, acc, bf16 bool) {
	multiply(arguments{op, m, n, k, a, b, c, lda, ldb, ldc, acc}, epilogue{}, bf16)
}

// Linear sets y (rows × out) to x (rows × in)·wᵀ + bias, with w (out × in), and act, unless
// it is nil, to GELU(y). A nil bias is 0. Both are done while rows are still in the cache. bf16
// is Gemm's.
func Linear(y, act, x, w, bias []float32, rows, out, in int, bf16 bool) {
	checkEnd(y, act, bias, out)
	if 0 < rows && rows <= fewRows && out > 0 && in > 0 && !bf16 {
		same("Linear", rows*out, len(y))
		same("Linear", rows*in, len(x))
		same("Linear", out*in, len(w))
		fewCall{y: y, act: act, x: x, w: w, bias: bias, n: rows, rows: out, cols: in}.run(4 * in)
		return
	}
	after := epilogue{do: (*product).addBias, bias: bias, soon: [2][]float32{act}}
	if act != nil {
		after.do = (*product).gelu
	}
	multiply(arguments{NT, rows, out, in, x, w, y, in, in, out, false}, after, bf16)
}

// checkEnd panics unless bias and act fit y.
func checkEnd(y, act, bias []float32, out int) {
	if bias != nil {
		same("Linear", out, len(bias))
	}
	if act != nil {
		same("Linear", len(y), len(act))
	}
}

// An epilogue is what follows a product, while it is in the cache.
type epilogue struct {
	do   func(g *product, row []float32, i, j int) // row is a part of row i of C, from column j on; nil: nothing
	soon [2][]float32                              // what it reads or writes that is laid out as C, to be prefetched
	bias []float32                                 // of columns, or nil
}

// finish ends rows [i0, i1) and columns [j0, j1) of C, whose sums are complete.
func (g *product) finish(i0, i1, j0, j1 int) {
	for i := i0; g.after.do != nil && i < i1; i++ {
		g.after.do(g, g.c[i*g.ldc+j0:i*g.ldc+j1], i, j0)
	}
}

// beside is the part of soon[which] that belongs to a row of C.
func (g *product) beside(which int, row []float32, i, j int) []float32 {
	return g.after.soon[which][i*g.ldc+j:][:len(row)]
}

func (g *product) addBias(row []float32, _, j int) {
	if g.after.bias != nil {
		g.level.addTo(row, g.after.bias[j:])
	}
}

func (g *product) gelu(row []float32, i, j int) {
	g.addBias(row, i, j)
	g.level.gelu(g.beside(0, row, i, j), row)
}

func multiply(x arguments, after epilogue, bf16 bool) {
	x.check()
	gemm := active.gemm
	if bf16 {
		gemm = active.gemmBF16
	}
	switch {
	case x.m == 0 || x.n == 0:
	case x.k > 0:
		gemm.multiply(x, after, active, par.Workers())
	default:
		zeroDepth.multiply(x, after, active, 1)
	}
}

var zeroDepth gemmBody = func(g *product) {
	if !g.acc {
		for i := range g.m {
			clear(g.c[i*g.ldc:][:g.n])
		}
		g.finish(0, g.m, 0, g.n)
	}
}

// operands are the shapes of A and B as they lie.
func (g *arguments) operands() (rowsA, colsA, rowsB, colsB int) {
	switch g.op {
	case NT:
		return g.m, g.k, g.n, g.k
	case NN:
		return g.m, g.k, g.k, g.n
	}
	return g.k, g.m, g.k, g.n
}

// check panics unless all three matrices lie inside their slices.
func (g *arguments) check() {
	rowsA, colsA, rowsB, colsB := g.operands()
	if g.op < NT || g.op > TN || g.m < 0 || g.n < 0 || g.k < 0 ||
		!fits(g.a, rowsA, colsA, g.lda) || !fits(g.b, rowsB, colsB, g.ldb) || !fits(g.c, g.m, g.n, g.ldc) {
		panic(fmt.Sprintf("kernel: Gemm(%d, %d, %d, %d): A, B, C have %d, %d, %d elements in rows %d, %d, %d apart",
			g.op, g.m, g.n, g.k, len(g.a), len(g.b), len(g.c), g.lda, g.ldb, g.ldc))
	}
}

func fits(x []float32, rows, cols, ld int) bool {
	return rows == 0 || cols == 0 || cols <= ld && (rows-1)*ld+cols <= len(x)
}
