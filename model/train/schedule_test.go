package train

import (
	"math"
	"testing"
)

// Expected values are worked out by hand from each paper's formula.
func TestSchedules(t *testing.T) {
	root := math.Sqrt
	for _, c := range []struct {
		name string
		s    Schedule
		want map[int64]float64
	}{
		{"constant", Constant(4), map[int64]float64{0: .25, 1: .5, 3: 1, 4: 1, 1000: 1}},
		{"constant without warm-up", Constant(0), map[int64]float64{0: 1}},
		{"linear", Linear(2, 12, 0), map[int64]float64{0: .5, 1: 1, 2: 1, 3: .9, 7: .5, 11: .1, 12: 0, 50: 0}},
		{"linear to a floor", Linear(0, 10, .2), map[int64]float64{0: 1, 5: .6, 10: .2}},
		{"cosine", Cosine(10, 110, 0), map[int64]float64{0: .1, 9: 1, 10: 1, 60: .5, 35: .5 + root(2)/4, 110: 0, 200: 0}},
		{"cosine to a floor", Cosine(0, 100, .1), map[int64]float64{0: 1, 50: .55, 100: .1}},
		{"inverse square root", InverseSqrt(100), map[int64]float64{0: .01, 99: 1, 399: .5, 899: 1. / 3}},
		{"wsd", WSD(10, 100, 1000, 0), map[int64]float64{0: .1, 10: 1, 500: 1, 899: 1, 900: 1, 925: .5, 964: .2, 1000: 0}},
		// T = 1000, cut = 100: p rises to 1 at 100, and is 1 − (550−100)/900 = .5 at 550.
		{"slanted triangular", SlantedTriangular(1000, .1, 32), map[int64]float64{
			0: 1. / 32, 50: (1 + .5*31) / 32, 100: 1, 550: (1 + .5*31) / 32, 999: (1 + 31./900) / 32}},
		{"slanted triangular of 5 steps", SlantedTriangular(5, .1, 32), map[int64]float64{0: 1. / 32, 1: 1}},
		{"one cycle", OneCycle(100, .3, .04, 4e-6), map[int64]float64{0: .04, 15: .52, 30: 1, 65: (1 + 4e-6) / 2, 100: 4e-6}},
	} {
		for step, want := range c.want {
			if got := c.s(step); math.Abs(got-want) > 1e-12 {
				t.Errorf("%s: step %d: %.12f, want %.12f", c.name, step, got, want)
			}
		}
	}
}
