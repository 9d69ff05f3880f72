package gemm

import (
	"fmt"

	"fragua/model/kernel/par"
)

// An Op says which operand of a GEMM is transposed.
type Op int

// The three GEMMs of a linear layer y = x·Wᵀ and its gradients.
const (
	NT Op = iota // C (m×n) = A (m×k) · B (n×k)ᵀ: y = x·Wᵀ
	NN           // C (m×n) = A (m×k) · B (k×n): dx = dy·W
	TN           // C (m×n) = A (k×m)ᵀ · B (k×n): dW = dyᵀ·x
)

// Args are one GEMM: C (M×N) = [C +] op(A)·op(B), the sum over K. Matrices are row-major. C
// may not overlap A or B.
type Args struct {
	Op            Op
	M, N, K       int
	A, B, C       []float32
	LDA, LDB, LDC int  // leading dimensions: floats from one row to the next; 0: no gaps
	Acc           bool // add to C instead of overwriting it

	// BF16 rounds the elements of A and B to bfloat16, to nearest even, before they are
	// multiplied; sums are float32.
	BF16 bool
}

// An Epilogue is applied to rows of C while they are in the cache.
type Epilogue struct {
	// Row is called once for each part of a row of C whose sums are complete: row is
	// C[i, j:j+len(row)]. Nil: nothing to do.
	Row  func(e *Epilogue, row []float32, i, j int)
	Bias []float32    // N elements, for Row to use
	Side [2][]float32 // matrices laid out as C that Row reads or writes; they are prefetched
	ldc  int
}

// Beside returns the part of Side[which] that lies as row does in C.
func (e *Epilogue) Beside(which int, row []float32, i, j int) []float32 {
	return e.Side[which][i*e.ldc+j:][:len(row)]
}

// A call is one GEMM at work.
type call struct {
	Args
	epilogue Epilogue
	kernels  *Kernels
	workers  int // that may share the work, at least 1: the caller
	tiling   tiling
	part     func(g *call, lo, hi int) // the loop body that is being shared
}

// A driver computes a call whose M, N and K are not 0.
type driver func(g *call)

var calls par.FreeList[call]

// Mul computes a GEMM and applies the epilogue. The order in which the K products of an element
// are added depends on the shape and the level alone, not on the number of workers.
func (t *Kernels) Mul(x Args, e Epilogue) {
	x.ready()
	run := t.f32
	if x.BF16 {
		run = t.bf16
	}
	switch {
	case x.M == 0 || x.N == 0:
	case x.K > 0:
		t.call(run, &x, &e, par.Workers())
	default:
		t.call(zeroDepth, &x, &e, 1)
	}
}

// call runs a driver on arguments that have been checked.
func (t *Kernels) call(run driver, x *Args, e *Epilogue, workers int) {
	g := calls.Get()
	g.Args, g.epilogue, g.kernels, g.workers = *x, *e, t, workers
	g.epilogue.ldc = x.LDC
	run(g)
	g.free()
}

func (g *call) free() {
	*g = call{}
	calls.Put(g)
}

// zeroDepth is the driver for K = 0, where the sums are empty.
func zeroDepth(g *call) {
	if !g.Acc {
		for i := range g.M {
			clear(g.C[i*g.LDC:][:g.N])
		}
		g.finish(0, g.M, 0, g.N)
	}
}

// run shares out iterations among the call's workers.
func (g *call) run(n, grain int, part func(g *call, lo, hi int)) {
	g.part = part
	if g.workers > 1 {
		par.Run(n, grain, g)
	} else {
		par.Inline(n, grain, g)
	}
}

// Chunk does iterations [lo, hi) of what is being shared.
func (g *call) Chunk(lo, hi int) { g.part(g, lo, hi) }

// finish applies the epilogue to rows [i0, i1) and columns [j0, j1) of C.
func (g *call) finish(i0, i1, j0, j1 int) {
	for i := i0; g.epilogue.Row != nil && i < i1; i++ {
		g.epilogue.Row(&g.epilogue, g.C[i*g.LDC+j0:i*g.LDC+j1], i, j0)
	}
}

// operands returns the shapes of A and B as they lie in memory.
func (x *Args) operands() (rowsA, colsA, rowsB, colsB int) {
	switch x.Op {
	case NT:
		return x.M, x.K, x.N, x.K
	case NN:
		return x.M, x.K, x.K, x.N
	}
	return x.K, x.M, x.K, x.N
}

// ready fills in leading dimensions and panics unless all three matrices lie in their slices.
func (x *Args) ready() {
	rowsA, colsA, rowsB, colsB := x.operands()
	x.LDA, x.LDB, x.LDC = orElse(x.LDA, colsA), orElse(x.LDB, colsB), orElse(x.LDC, x.N)
	if x.Op < NT || x.Op > TN || x.M < 0 || x.N < 0 || x.K < 0 ||
		!fits(x.A, rowsA, colsA, x.LDA) || !fits(x.B, rowsB, colsB, x.LDB) || !fits(x.C, x.M, x.N, x.LDC) {
		panic(fmt.Sprintf("gemm: op %d, M %d, N %d, K %d: A, B and C have %d, %d and %d elements in rows %d, %d and %d apart",
			x.Op, x.M, x.N, x.K, len(x.A), len(x.B), len(x.C), x.LDA, x.LDB, x.LDC))
	}
}

func orElse(ld, cols int) int {
	if ld == 0 {
		return cols
	}
	return ld
}

// fits reports whether a matrix whose rows begin ld apart lies in x.
func fits(x []float32, rows, cols, ld int) bool {
	return rows == 0 || cols == 0 || cols <= ld && (rows-1)*ld+cols <= len(x)
}
