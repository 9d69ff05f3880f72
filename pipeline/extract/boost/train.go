package boost

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
)

// Settings of training.
type Settings struct {
	Trees, Leaves int
	Rate          float64 // shrinkage
	MinWeight     float64 // least hessian in a leaf
	L2            float64
	Features      float64 // share of the features that a tree may use
	Rows          float64 // share of the rows that a tree sees
	Seed          uint64
}

const maxBins = 64

// A Table is what a forest is trained on.
type Table struct {
	Width   int
	Rows    []int16   // Width features each, row after row
	Labels  []float32 // 0 to 1
	Weights []float32
}

func (t *Table) len() int { return len(t.Labels) }

// binned replaces values by the numbers of quantile bins. edges[f][b] is the
// largest value in bin b.
func (t *Table) binned() (bins []uint8, edges [][]int16) {
	n := t.len()
	bins = make([]uint8, n*t.Width)
	edges = make([][]int16, t.Width)
	step := max(1, n/50_000)
	parallel(t.Width, func(f int) {
		var sample []int16
		for i := 0; i < n; i += step {
			sample = append(sample, t.Rows[i*t.Width+f])
		}
		slices.Sort(sample)
		distinct := slices.Compact(slices.Clone(sample))
		var e []int16
		if len(distinct) <= maxBins {
			e = distinct
		} else {
			for b := 1; b < maxBins; b++ {
				v := sample[len(sample)*b/maxBins]
				if len(e) == 0 || v > e[len(e)-1] {
					e = append(e, v)
				}
			}
			if last := sample[len(sample)-1]; last > e[len(e)-1] {
				e = append(e, last)
			}
		}
		edges[f] = e
		for i := range n {
			b, _ := slices.BinarySearch(e, t.Rows[i*t.Width+f])
			bins[i*t.Width+f] = uint8(min(b, len(e)-1))
		}
	})
	return bins, edges
}

func parallel(n int, f func(int)) {
	const workers = 4
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				f(i)
			}
		})
	}
	wg.Wait()
}

type bin struct{ g, h float64 }

type leaf struct {
	rows    []int32
	hist    []bin
	g, h    float64
	gain    float64
	feature int
	bin     int
	node    int // in the tree under construction
}

// Train returns the forest that fits a table best.
func (p Settings) Train(t *Table) Forest {
	bins, edges := t.binned()
	n := t.len()
	logit := make([]float64, n)
	var sumY, sumW float64
	for i := range n {
		sumY += float64(t.Labels[i]) * float64(t.Weights[i])
		sumW += float64(t.Weights[i])
	}
	bias := math.Log(sumY / (sumW - sumY))
	for i := range logit {
		logit[i] = bias
	}
	f := Forest{bias: int32(math.Round(bias * 1024))}
	rng := rand.New(rand.NewPCG(p.Seed, 1))
	grad, hess := make([]float32, n), make([]float32, n)
	for range p.Trees {
		for i := range n {
			q := 1 / (1 + math.Exp(-logit[i]))
			grad[i] = float32((float64(t.Labels[i]) - q)) * t.Weights[i]
			hess[i] = float32(math.Max(q*(1-q), 1e-6)) * t.Weights[i]
		}
		tree := p.grow(t, bins, edges, grad, hess, rng)
		f.roots = append(f.roots, int32(len(f.nodes)))
		f.nodes = append(f.nodes, tree...)
		one := Forest{nodes: tree, roots: []int32{0}}
		add := make([]int32, n)
		const chunk = 4096
		parallel((n+chunk-1)/chunk, func(c int) {
			from, to := c*chunk, min(n, (c+1)*chunk)
			one.logits(t.Rows[from*t.Width:to*t.Width], t.Width, add[from:to])
		})
		for i := range logit {
			logit[i] += float64(add[i]) / 1024
		}
	}
	return f
}

type growing struct {
	feature, limit int
	left, right    int
	value          float64
}

func (p Settings) grow(t *Table, bins []uint8, edges [][]int16, grad, hess []float32, rng *rand.Rand) []split {
	var rows []int32
	for i := range t.len() {
		if p.Rows >= 1 || rng.Float64() < p.Rows {
			rows = append(rows, int32(i))
		}
	}
	var features []int
	for f := range t.Width {
		if (p.Features >= 1 || rng.Float64() < p.Features) && len(edges[f]) > 1 {
			features = append(features, f)
		}
	}
	root := &leaf{rows: rows}
	p.measure(root, t, bins, features, grad, hess)
	p.best(root, features, edges)
	leaves := []*leaf{root}
	nodes := []growing{{}}
	for len(leaves) < p.Leaves {
		var best *leaf
		at := 0
		for i, l := range leaves {
			if l.gain > 0 && (best == nil || l.gain > best.gain) {
				best, at = l, i
			}
		}
		if best == nil {
			break
		}
		left, right := &leaf{}, &leaf{}
		for _, r := range best.rows {
			if int(bins[int(r)*t.Width+best.feature]) <= best.bin {
				left.rows = append(left.rows, r)
			} else {
				right.rows = append(right.rows, r)
			}
		}
		small, large := left, right
		if len(left.rows) > len(right.rows) {
			small, large = right, left
		}
		p.measure(small, t, bins, features, grad, hess)
		large.hist = best.hist
		for i := range large.hist {
			large.hist[i].g -= small.hist[i].g
			large.hist[i].h -= small.hist[i].h
		}
		large.g, large.h = best.g-small.g, best.h-small.h
		left.node, right.node = len(nodes), len(nodes)+1
		nodes[best.node] = growing{feature: best.feature, limit: int(edges[best.feature][best.bin]), left: left.node, right: right.node}
		nodes = append(nodes, growing{}, growing{})
		p.best(left, features, edges)
		p.best(right, features, edges)
		leaves[at] = left
		leaves = append(leaves, right)
		best.rows = nil
	}
	for _, l := range leaves {
		nodes[l.node].value = p.Rate * l.g / (l.h + p.L2)
	}
	return flatten(nodes)
}

// flatten lays a tree out with each left child behind its parent.
func flatten(nodes []growing) (out []split) {
	var walk func(n int)
	walk = func(n int) {
		at := len(out)
		g := nodes[n]
		if g.left == 0 {
			out = append(out, split{limit: int16(math.Round(math.Max(-32000, math.Min(32000, g.value*1024))))})
			return
		}
		out = append(out, split{feature: uint8(g.feature), left: 1, limit: int16(g.limit)})
		walk(g.left)
		out[at].right = uint8(len(out) - at)
		walk(g.right)
	}
	walk(0)
	return out
}

// measure fills a leaf's histograms.
func (p Settings) measure(l *leaf, t *Table, bins []uint8, features []int, grad, hess []float32) {
	l.hist = make([]bin, t.Width*maxBins)
	const groups = 2
	var wg sync.WaitGroup
	for w := range groups {
		part := features[len(features)*w/groups : len(features)*(w+1)/groups]
		wg.Go(func() {
			for _, r := range l.rows {
				row := bins[int(r)*t.Width : (int(r)+1)*t.Width]
				g, h := float64(grad[r]), float64(hess[r])
				for _, f := range part {
					b := &l.hist[f*maxBins+int(row[f])&(maxBins-1)]
					b.g += g
					b.h += h
				}
			}
		})
	}
	wg.Wait()
	for _, r := range l.rows {
		l.g += float64(grad[r])
		l.h += float64(hess[r])
	}
}

// best finds the split of a leaf with the greatest gain.
func (p Settings) best(l *leaf, features []int, edges [][]int16) {
	base := l.g * l.g / (l.h + p.L2)
	for _, f := range features {
		var g, h float64
		for b := range len(edges[f]) - 1 {
			g += l.hist[f*maxBins+b].g
			h += l.hist[f*maxBins+b].h
			rest := l.h - h
			if h < p.MinWeight || rest < p.MinWeight {
				continue
			}
			gain := g*g/(h+p.L2) + (l.g-g)*(l.g-g)/(rest+p.L2) - base
			if gain > l.gain+1e-9 {
				l.gain, l.feature, l.bin = gain, f, b
			}
		}
	}
}
