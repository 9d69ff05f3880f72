package kernel

import (
	"fmt"
	"math"
	"sync"

	"fragua/model/kernel/par"
)

// A RoPE holds the angles of rotary position embedding (Su et al. 2021, section 3.4.2) in
// Llama's half-split layout: feature i of a head turns with feature i + dim/2.
type RoPE struct {
	half     int
	cos, sin []float32 // positions × half

	once  sync.Once
	table []float32 // what Table returns
}

// RoPEFrequencies returns the dim/2 angles per position, θ^(−2i/dim).
func RoPEFrequencies(dim int, theta float64) []float64 {
	f := make([]float64, dim/2)
	for i := range f {
		f[i] = math.Pow(theta, -2*float64(i)/float64(dim))
	}
	return f
}

// NewRoPE tabulates positions 0 … positions−1 for heads of 2·len(frequencies) features.
func NewRoPE(positions int, frequencies []float64) *RoPE {
	half := len(frequencies)
	r := &RoPE{half: half, cos: make([]float32, positions*half), sin: make([]float32, positions*half)}
	for p := range positions {
		for i, f := range frequencies {
			s, c := math.Sincos(float64(p) * f)
			r.cos[p*half+i], r.sin[p*half+i] = float32(c), float32(s)
		}
	}
	return r
}

// Half is half the features of a head.
func (r *RoPE) Half() int { return r.half }

// Table returns rows of cosines, then sines, of each position: positions × 2·Half. It may not change.
func (r *RoPE) Table() []float32 {
	r.once.Do(func() {
		for p := range r.Positions() {
			r.table = append(append(r.table, r.cos[p*r.half:][:r.half]...), r.sin[p*r.half:][:r.half]...)
		}
	})
	return r.table
}

// Positions is how many positions the table holds.
func (r *RoPE) Positions() int { return len(r.cos) / r.half }

// Rotate turns the first heads × dim features of every row of x by its position, in
// place; row i begins at x[i·ld] and stands at pos[i]. With inverse it turns back, which
// is the gradient.
func (r *RoPE) Rotate(x []float32, ld, heads int, pos []int32, inverse bool) {
	dim := 2 * r.half
	if !fits(x, len(pos), heads*dim, ld) {
		panic(fmt.Sprintf("kernel: Rotate: %d rows of %d heads of %d, %d apart, in %d elements", len(pos), heads, dim, ld, len(x)))
	}
	n := r.Positions()
	for i, p := range pos {
		if p < 0 || int(p) >= n {
			panic(fmt.Sprintf("kernel: Rotate: row %d stands at position %d, the table has %d", i, p, n))
		}
	}
	turns.Run(len(pos), par.RowGrain(heads*dim), turn{r, x, ld, heads, pos, inverse})
}

type turn struct {
	*RoPE
	x         []float32
	ld, heads int
	pos       []int32
	inverse   bool
}

var turns par.CallPool[turn, *turn]

func (t *turn) Chunk(lo, hi int) { t.turn(t.x[lo*t.ld:], t.ld, t.heads, t.pos[lo:hi], t.inverse) }

func (r *RoPE) turn(x []float32, ld, heads int, pos []int32, inverse bool) {
	h, dim := r.half, 2*r.half
	var back []float32
	if inverse {
		back = par.GetScratch(h)
		defer par.PutScratch(back)
	}
	for i, p := range pos {
		cos, sin := r.cos[int(p)*h:][:h], r.sin[int(p)*h:][:h]
		if inverse {
			for j, s := range sin {
				back[j] = -s
			}
			sin = back
		}
		for head := range heads {
			o := i*ld + head*dim
			active.rotate(x[o:o+h], x[o+h:o+dim], cos, sin)
		}
	}
}

func rotatePlain(x, y, cos, sin []float32) {
	for i, c := range cos {
		s, a, b := sin[i], x[i], y[i]
		x[i] = float32(a*c) - float32(b*s)
		y[i] = float32(b*c) + float32(a*s)
	}
}
