package kernel

import "fragua/model/kernel/par"

// Nesterov sets u to what Nesterov's momentum makes of gradients d = scale·g: with velocity
// v ← momentum·v + d, d + momentum·v.
func Nesterov(u, v, g []float32, momentum, scale float32) {
	same("Nesterov", len(u), len(v), len(g))
	nesterovs.Run(len(u), par.Grain, nesterov{u, v, g, momentum, scale})
}

type nesterov struct {
	u, v, g         []float32
	momentum, scale float32
}

var nesterovs par.CallPool[nesterov, *nesterov]

func (c *nesterov) Chunk(lo, hi int) {
	for j := lo; j < hi; j++ {
		d := float32(c.scale * c.g[j])
		c.v[j] = float32(c.momentum*c.v[j]) + d
		c.u[j] = d + float32(c.momentum*c.v[j])
	}
}

// Transpose sets dst (cols × rows) to xᵀ, x (rows × cols).
func Transpose(dst, x []float32, rows, cols int) {
	same("Transpose", rows*cols, len(dst), len(x))
	transposes.Run(cols, par.RowGrain(rows), transpose{dst, x, rows, cols})
}

type transpose struct {
	dst, x     []float32
	rows, cols int
}

var transposes par.CallPool[transpose, *transpose]

func (t *transpose) Chunk(lo, hi int) {
	for c := lo; c < hi; c++ {
		for r := range t.rows {
			t.dst[c*t.rows+r] = t.x[r*t.cols+c]
		}
	}
}
