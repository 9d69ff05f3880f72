package kernel

import "fmt"

// grain is how many elements of an elementwise operation one chunk holds: 64 KiB a slice.
const grain = 1 << 14

// same panics where slices that must be equally long are not: a caller's mistake.
func same(what string, n int, others ...int) {
	for _, m := range others {
		if m != n {
			panic(fmt.Sprintf("kernel: %s: slices of %d and %d elements", what, n, m))
		}
	}
}

// Add sets dst = a + b.
func Add(dst, a, b []float32) {
	same("Add", len(dst), len(a), len(b))
	Parallel(len(dst), grain, func(lo, hi int) { active.add(dst[lo:hi], a[lo:hi], b[lo:hi]) })
}

// AddTo sets dst += x.
func AddTo(dst, x []float32) {
	same("AddTo", len(dst), len(x))
	if len(dst) <= grain { // without garbage
		active.addTo(dst, x)
		return
	}
	Parallel(len(dst), grain, func(lo, hi int) { active.addTo(dst[lo:hi], x[lo:hi]) })
}

// Mul sets dst = a · b, element by element.
func Mul(dst, a, b []float32) {
	same("Mul", len(dst), len(a), len(b))
	Parallel(len(dst), grain, func(lo, hi int) { active.mul(dst[lo:hi], a[lo:hi], b[lo:hi]) })
}

// Scale sets dst ·= s.
func Scale(dst []float32, s float32) {
	if len(dst) <= grain { // without garbage
		active.scale(dst, s)
		return
	}
	Parallel(len(dst), grain, func(lo, hi int) { active.scale(dst[lo:hi], s) })
}

// AXPY sets dst += s·x.
func AXPY(dst []float32, s float32, x []float32) {
	same("AXPY", len(dst), len(x))
	Parallel(len(dst), grain, func(lo, hi int) { active.axpy(dst[lo:hi], s, x[lo:hi]) })
}

// Sum returns Σ x, added up in float64 by blocks in a fixed order.
func Sum(x []float32) float64 {
	return reduce(len(x), func(lo, hi int) float64 { return active.sum(x[lo:hi]) })
}

// SumSquares returns Σ x², added up in float64 by blocks in a fixed order.
func SumSquares(x []float32) float64 {
	return reduce(len(x), func(lo, hi int) float64 { return active.squares(x[lo:hi]) })
}

// Dot returns Σ a·b, added up in float64 by blocks in a fixed order.
func Dot(a, b []float32) float64 {
	same("Dot", len(a), len(b))
	return reduce(len(a), func(lo, hi int) float64 { return active.dot(a[lo:hi], b[lo:hi]) })
}

func reduce(n int, f func(lo, hi int) float64) float64 {
	if n <= grain {
		return f(0, n)
	}
	parts := make([]float64, (n+grain-1)/grain)
	Parallel(n, grain, func(lo, hi int) { parts[lo/grain] = f(lo, hi) })
	total := 0.0
	for _, p := range parts {
		total += p
	}
	return total
}

// rowGrain is how many rows of cols elements make a chunk.
func rowGrain(cols int) int { return max(1, grain/max(cols, 1)) }

// rowsOf returns the rows of an n-element matrix with cols columns.
func rowsOf(what string, n, cols int) int {
	if cols <= 0 || n%cols != 0 {
		panic(fmt.Sprintf("kernel: %s: %d elements are not rows of %d", what, n, cols))
	}
	return n / cols
}

// AddBias adds bias (cols) to every row of x (rows × cols).
func AddBias(x, bias []float32) {
	cols := len(bias)
	rows := rowsOf("AddBias", len(x), cols)
	Parallel(rows, rowGrain(cols), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			active.addTo(x[r*cols:(r+1)*cols], bias)
		}
	})
}

// BiasGrad adds the sum of dy's rows (rows × cols) to dbias (cols).
func BiasGrad(dbias, dy []float32, cols int) {
	same("BiasGrad", cols, len(dbias))
	rows := rowsOf("BiasGrad", len(dy), cols)
	f := active.addTo
	byRows(rows, cols, [2][]float32{dbias}, func(r int, sum, _ []float32) { f(sum, dy[r*cols:(r+1)*cols]) })
}

func addPlain(dst, a, b []float32) {
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

func addToPlain(dst, x []float32) {
	for i := range dst {
		dst[i] += x[i]
	}
}

func mulPlain(dst, a, b []float32) {
	for i := range dst {
		dst[i] = a[i] * b[i]
	}
}

func scalePlain(dst []float32, s float32) {
	for i := range dst {
		dst[i] *= s
	}
}

func axpyPlain(dst []float32, s float32, x []float32) {
	for i := range dst {
		dst[i] += float32(s * x[i])
	}
}

func sumPlain(x []float32) float64 {
	s := 0.0
	for _, v := range x {
		s += float64(v)
	}
	return s
}

// The product of two float32 is exact in float64, so no rounding need be forced.
func squaresPlain(x []float32) float64 { return dotPlain(x, x) }

func dotPlain(a, b []float32) float64 {
	s := 0.0
	for i := range a {
		s += float64(a[i]) * float64(b[i])
	}
	return s
}

func rowDotPlain(x, y []float32) float32 { return float32(dotPlain(x, y)) }
