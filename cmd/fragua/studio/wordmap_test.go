package studio

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestPrincipal: points on a plane in many dimensions keep their distances to one another, up to
// the scale of each axis.
func TestPrincipal(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const width = 12
	var u, v [width]float64 // orthogonal directions
	for i := range width {
		if i%2 == 0 {
			u[i] = rng.NormFloat64()
		} else {
			v[i] = rng.NormFloat64()
		}
	}
	var rows [][]float64
	var a, b []float64
	for i := range 40 {
		x, y := math.Sin(float64(i))*10, math.Cos(float64(3*i)) // the first axis is by far the longer one
		a, b = append(a, x), append(b, y)
		row := make([]float64, width)
		for j := range row {
			row[j] = 5 + x*u[j] + y*v[j]
		}
		rows = append(rows, row)
	}
	xy := principal(rows)
	for axis, want := range [][]float64{a, b} {
		got := make([]float64, len(xy))
		for i := range xy {
			got[i] = xy[i][axis]
			if math.Abs(got[i]) > 1 {
				t.Errorf("%g is out of the map", got[i])
			}
		}
		if r := correlation(got, want); math.Abs(r) < .99 {
			t.Errorf("axis %d correlates with what was laid out by %.3f", axis, r)
		}
	}
	if same := principal([][]float64{{1, 2}, {1, 2}}); same[0] != [2]float64{} {
		t.Error(same)
	}
}

func correlation(x, y []float64) float64 {
	n := float64(len(x))
	var mx, my, xy, xx, yy float64
	for i := range x {
		mx, my = mx+x[i]/n, my+y[i]/n
	}
	for i := range x {
		xy, xx, yy = xy+(x[i]-mx)*(y[i]-my), xx+(x[i]-mx)*(x[i]-mx), yy+(y[i]-my)*(y[i]-my)
	}
	return xy / math.Sqrt(xx*yy)
}
