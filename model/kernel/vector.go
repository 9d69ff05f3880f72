package kernel

import (
	"unsafe"

	"fragua/model/kernel/par"
)

// Add sets dst = a + b.
func Add(dst, a, b []float32) { map2("Add", active.add, par.Grain, dst, a, b) }

// AddTo sets dst += x.
func AddTo(dst, x []float32) { map1("AddTo", active.addTo, par.Grain, dst, x) }

// Mul sets dst = a · b, element by element.
func Mul(dst, a, b []float32) { map2("Mul", active.mul, par.Grain, dst, a, b) }

// Scale sets dst ·= s.
func Scale(dst []float32, s float32) {
	scalings.Run(len(dst), par.Grain, scaling{active.scale, dst, s})
}

// AXPY sets dst += s·x.
func AXPY(dst []float32, s float32, x []float32) {
	same("AXPY", len(dst), len(x))
	axpys.Run(len(dst), par.Grain, axpy{active.axpy, dst, s, x})
}

// Copy is copy for large arrays, by all workers.
func Copy(dst, src []float32) { map1("Copy", copyPlain, 4*par.Grain, dst, src) }

// Clear is clear, likewise.
func Clear(dst []float32) { map1("Clear", clearPlain, 4*par.Grain, dst, dst) }

// map1 sets dst = f(x), map2 dst = f(x, y), this many elements at a time.
func map1(what string, f func(dst, x []float32), chunk int, dst, x []float32) {
	same(what, len(dst), len(x))
	maps1.Run(len(dst), chunk, mapping1{f, dst, x})
}

func map2(what string, f func(dst, x, y []float32), chunk int, dst, x, y []float32) {
	same(what, len(dst), len(x), len(y))
	maps2.Run(len(dst), chunk, mapping2{f, dst, x, y})
}

var (
	scalings par.CallPool[scaling, *scaling]
	axpys    par.CallPool[axpy, *axpy]
	maps1    par.CallPool[mapping1, *mapping1]
	maps2    par.CallPool[mapping2, *mapping2]
)

type scaling struct {
	f   func(dst []float32, s float32)
	dst []float32
	s   float32
}

func (c *scaling) Chunk(lo, hi int) { c.f(c.dst[lo:hi], c.s) }

type axpy struct {
	f   func(dst []float32, s float32, x []float32)
	dst []float32
	s   float32
	x   []float32
}

func (c *axpy) Chunk(lo, hi int) { c.f(c.dst[lo:hi], c.s, c.x[lo:hi]) }

type mapping1 struct {
	f      func(dst, x []float32)
	dst, x []float32
}

func (c *mapping1) Chunk(lo, hi int) { c.f(c.dst[lo:hi], c.x[lo:hi]) }

type mapping2 struct {
	f         func(dst, x, y []float32)
	dst, x, y []float32
}

func (c *mapping2) Chunk(lo, hi int) { c.f(c.dst[lo:hi], c.x[lo:hi], c.y[lo:hi]) }

// Sum returns Σ x, added up in float64 by blocks in a fixed order.
func Sum(x []float32) float64 { return reduce(sum{f: active.sum, x: x}) }

// SumSquares returns Σ x², added up in float64 by blocks in a fixed order.
func SumSquares(x []float32) float64 { return reduce(sum{f: active.squares, x: x}) }

type sum struct {
	f     func(x []float32) float64
	x     []float32
	parts []float64 // of the blocks
}

var sums par.CallPool[sum, *sum]

func (s *sum) Chunk(lo, hi int) { s.parts[lo/par.Grain] = s.f(s.x[lo:hi]) }

func reduce(s sum) float64 {
	blocks := (len(s.x) + par.Grain - 1) / par.Grain
	if blocks == 0 {
		return 0
	}
	memory := par.GetScratch(2 * blocks)
	defer par.PutScratch(memory)
	s.parts = unsafe.Slice((*float64)(unsafe.Pointer(&memory[0])), blocks)
	sums.Run(len(s.x), par.Grain, s)
	total := 0.0
	for _, p := range s.parts {
		total += p
	}
	return total
}

// AddBias adds bias (cols) to every row of x (rows × cols).
func AddBias(x, bias []float32) {
	cols := len(bias)
	rows := rowsOf("AddBias", len(x), cols)
	biases.Run(rows, par.RowGrain(cols), biasAdd{active.addTo, x, bias})
}

type biasAdd struct {
	addTo   func(dst, x []float32)
	x, bias []float32
}

var biases par.CallPool[biasAdd, *biasAdd]

func (c *biasAdd) Chunk(lo, hi int) {
	cols := len(c.bias)
	for r := lo; r < hi; r++ {
		c.addTo(c.x[r*cols:(r+1)*cols], c.bias)
	}
}

// BiasGrad adds the sum of dy's rows (rows × cols) to dbias (cols).
func BiasGrad(dbias, dy []float32, cols int) {
	same("BiasGrad", cols, len(dbias))
	rows := rowsOf("BiasGrad", len(dy), cols)
	byRows(rowSums{rows: rows, cols: cols, row: (*rowSums).bias, dy: dy}, dbias, nil)
}

func (s *rowSums) bias(r int, sum, _ []float32) { s.level.addTo(sum, s.dy[r*s.cols:(r+1)*s.cols]) }

func copyPlain(dst, x []float32) { copy(dst, x) }

func clearPlain(dst, _ []float32) { clear(dst) }

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
