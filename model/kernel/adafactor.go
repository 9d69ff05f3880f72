package kernel

import (
	"math"

	"fragua/model/kernel/par"
)

// Adafactor sets u to the update of a matrix (len(row) × len(col)) with gradients d = scale·g
// (Shazeer and Stern 2018, algorithm 4): d/√V, V = row·colᵀ / mean(row). row and col are means
// of d² over columns and over rows, of which a share is kept; they are brought up to date first.
func Adafactor(u, g, row, col []float32, keep float64, scale float32) {
	m, n := len(row), len(col)
	same("Adafactor", m*n, len(u), len(g))
	a := adafactor{u: u, g: g, row: row, col: col, keep: keep, scale: scale}
	a.run(m, par.RowGrain(n), (*adafactor).rowMeans)
	a.run(n, par.RowGrain(m), (*adafactor).columnMeans)
	a.mean = Sum(row) / float64(m)
	a.run(m, par.RowGrain(n), (*adafactor).update)
}

// AdafactorVector sets u to the update of a vector (algorithm 5), whose mean of d² is v.
func AdafactorVector(u, g, v []float32, keep float64, scale float32) {
	same("AdafactorVector", len(u), len(g), len(v))
	a := adafactor{u: u, g: g, row: v, keep: keep, scale: scale}
	a.run(len(v), par.Grain, (*adafactor).vector)
}

type adafactor struct {
	part           func(a *adafactor, lo, hi int)
	u, g, row, col []float32
	keep, mean     float64 // mean: of row
	scale          float32
}

const adafactorEps = 1e-30 // ε₁ of the paper

var adafactors par.CallPool[adafactor, *adafactor]

func (a adafactor) run(n, grain int, part func(a *adafactor, lo, hi int)) {
	a.part = part
	adafactors.Run(n, par.Grain, a)
}

func (a *adafactor) Chunk(lo, hi int) { a.part(a, lo, hi) }

// average is a mean of squares after a fresh one.
func (a *adafactor) average(before float32, fresh float64) float32 {
	return float32(float64(a.keep*float64(before)) + float64((1-a.keep)*(fresh+adafactorEps)))
}

func (a *adafactor) rowMeans(lo, hi int) {
	n := len(a.col)
	for r := lo; r < hi; r++ {
		mean := float64(a.scale) * float64(a.scale) * SumSquares(a.g[r*n:(r+1)*n]) / float64(n)
		a.row[r] = a.average(a.row[r], mean)
	}
}

func (a *adafactor) columnMeans(lo, hi int) {
	m, n := len(a.row), len(a.col)
	for c := lo; c < hi; c++ {
		var sum float64
		for r := range m {
			d := float64(a.scale * a.g[r*n+c])
			sum += float64(d * d)
		}
		a.col[c] = a.average(a.col[c], sum/float64(m))
	}
}

func (a *adafactor) update(lo, hi int) {
	n := len(a.col)
	for r := lo; r < hi; r++ {
		share := float64(a.row[r]) / a.mean
		for c, v := range a.col {
			a.u[r*n+c] = float32(a.scale*a.g[r*n+c]) / float32(math.Sqrt(share*float64(v)))
		}
	}
}

func (a *adafactor) vector(lo, hi int) {
	keep, rest := float32(a.keep), float32(1-a.keep)
	for j := lo; j < hi; j++ {
		d := float32(a.scale * a.g[j])
		a.row[j] = float32(keep*a.row[j]) + float32(rest*(float32(d*d)+adafactorEps))
		a.u[j] = d / float32(math.Sqrt(float64(a.row[j])))
	}
}
