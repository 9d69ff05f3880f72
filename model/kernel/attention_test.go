package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"fragua/model/kernel/kerneltest"
	"fragua/model/kernel/par"
)

// naive is attention with its T×S matrix, forward and backward, in float64.
func naive(a Attention, q, k, v, dy []float32) (y, lse, dq, dk, dv, db []float64) {
	if a.Bias != nil {
		db = make([]float64, len(a.Bias.Table))
	}
	y, lse = make([]float64, len(dy)), make([]float64, a.B*a.Heads*a.T)
	dq, dk, dv = make([]float64, len(q)), make([]float64, len(k)), make([]float64, len(v))
	scale := float64(a.Scale)
	for b := range a.B {
		for h := range a.Heads {
			kv := h / (a.Heads / a.KVHeads)
			for t := range a.T {
				qi, yi := (b*a.T+t)*a.StrideQ+h*a.Dim, (b*a.T+t)*a.StrideY+h*a.Dim
				p, sum := make([]float64, a.S), 0.0
				for s := range a.S {
					if a.Causal && s > t+a.S-a.T || !sees(a, b*a.T+t, b*a.S+s) {
						continue
					}
					score := 0.0
					for d := range a.Dim {
						score += float64(q[qi+d]) * float64(k[(b*a.S+s)*a.StrideK+kv*a.Dim+d])
					}
					score *= scale
					if a.Bias != nil {
						score += float64(a.Bias.Table[a.Bias.row(s-(t+a.S-a.T))+h])
					}
					p[s] = math.Exp(score)
					sum += p[s]
				}
				lse[(b*a.Heads+h)*a.T+t] = math.Log(sum)
				if sum == 0 {
					continue
				}
				delta := 0.0
				dp := make([]float64, a.S)
				for s := range p {
					p[s] /= sum
					vi := (b*a.S+s)*a.StrideV + kv*a.Dim
					for d := range a.Dim {
						y[yi+d] += p[s] * float64(v[vi+d])
						dv[vi+d] += p[s] * float64(dy[yi+d])
						dp[s] += float64(v[vi+d]) * float64(dy[yi+d])
					}
					delta += p[s] * dp[s]
				}
				for s := range p {
					ds := scale * p[s] * (dp[s] - delta)
					if a.Bias != nil {
						db[a.Bias.row(s-(t+a.S-a.T))+h] += ds / scale
					}
					ki := (b*a.S+s)*a.StrideK + kv*a.Dim
					for d := range a.Dim {
						dq[qi+d] += ds * float64(k[ki+d])
						dk[ki+d] += ds * float64(q[qi+d])
					}
				}
			}
		}
	}
	return
}

func sees(a Attention, query, key int) bool {
	if a.Docs != nil && a.Docs[query] < 0 || a.KeyDocs != nil && a.KeyDocs[key] < 0 {
		return false
	}
	if at := query%a.T + a.S - a.T - key%a.S; a.Window > 0 && (at <= -a.Window || at >= a.Window) {
		return false
	}
	return a.Docs == nil || a.KeyDocs == nil || a.Docs[query] == a.KeyDocs[key]
}

// documents fills rows with runs of documents and some padding at their ends.
func documents(rng *rand.Rand, rows, n int) []int32 {
	d := make([]int32, rows*n)
	for r := range rows {
		doc := int32(0)
		for i := range n {
			if rng.IntN(20) == 0 {
				doc++
			}
			d[r*n+i] = doc
			if i > n-n/6 {
				d[r*n+i] = -1
			}
		}
	}
	return d
}

func TestAttention(t *testing.T) {
	type variant struct {
		Attention
		docs, keyDocs bool
	}
	cases := []variant{
		{Attention: Attention{B: 2, T: 5, S: 5, Heads: 2, KVHeads: 2, Dim: 8, Causal: true}},
		{Attention: Attention{B: 1, T: 130, S: 130, Heads: 2, KVHeads: 1, Dim: 64, Causal: true}},
		{Attention: Attention{B: 1, T: 200, S: 200, Heads: 1, KVHeads: 1, Dim: 32, Causal: true}, docs: true, keyDocs: true},
		{Attention: Attention{B: 2, T: 33, S: 150, Heads: 4, KVHeads: 2, Dim: 16}, keyDocs: true},
		{Attention: Attention{B: 2, T: 70, S: 70, Heads: 3, KVHeads: 3, Dim: 24}, docs: true, keyDocs: true},
		{Attention: Attention{B: 1, T: 7, S: 90, Heads: 4, KVHeads: 4, Dim: 12, Causal: true}},
		{Attention: Attention{B: 1, T: 65, S: 65, Heads: 2, KVHeads: 2, Dim: 80, Causal: true, Scale: 0.3}, docs: true, keyDocs: true},
		{Attention: Attention{B: 1, T: 300, S: 300, Heads: 1, KVHeads: 1, Dim: 128, Causal: true}},
		{Attention: Attention{B: 2, T: 400, S: 400, Heads: 2, KVHeads: 1, Dim: 16, Causal: true, Window: 33}},
		{Attention: Attention{B: 2, T: 350, S: 350, Heads: 1, KVHeads: 1, Dim: 8, Window: 65}, docs: true, keyDocs: true},
		{Attention: Attention{B: 2, T: 3, S: 300, Heads: 1, KVHeads: 1, Dim: 8, Causal: true, Window: 20}},
		{Attention: Attention{B: 2, T: 70, S: 300, Heads: 4, KVHeads: 2, Dim: 8, Scale: 1, Bias: &PositionBias{Far: 20}}, keyDocs: true},
		{Attention: Attention{B: 2, T: 290, S: 290, Heads: 2, KVHeads: 2, Dim: 8, Causal: true, Scale: .5, Bias: &PositionBias{Far: 100}}},
	}
	atLevels(t, func(t *testing.T) {
		for i, c := range cases {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(uint64(i), 9))
				a := c.Attention
				if c.docs {
					a.Docs = documents(rng, a.B, a.T)
				}
				if c.keyDocs {
					a.KeyDocs = documents(rng, a.B, a.S)
				}
				if c.docs && c.keyDocs && a.T == a.S {
					a.KeyDocs = a.Docs
				}
				if p := a.Bias; p != nil {
					p.Stride = a.Heads + 1
					p.Table, p.Grad = kerneltest.Random(rng, (2*p.Far+1)*p.Stride), make([]float32, (2*p.Far+1)*p.Stride)
				}
				// Rows of q are twice as long as needed, as in a fused matrix.
				a.StrideQ = 2*a.Heads*a.Dim + 3
				q := kerneltest.Random(rng, a.B*a.T*a.StrideQ)
				k, v := kerneltest.Random(rng, a.B*a.S*a.KVHeads*a.Dim), kerneltest.Random(rng, a.B*a.S*a.KVHeads*a.Dim)
				y, dy := make([]float32, a.B*a.T*a.Heads*a.Dim), kerneltest.Random(rng, a.B*a.T*a.Heads*a.Dim)
				lse := make([]float32, a.B*a.Heads*a.T)
				a.Forward(y, lse, q, k, v)
				// Gradients add to what is there, or take its place.
				dq, dk, dv := make([]float32, len(q)), make([]float32, len(k)), make([]float32, len(v))
				for i := range dk {
					dk[i], dv[i] = 1, 1
				}
				for r := range a.B * a.T {
					Scale(dq[r*a.StrideQ:][:copy(dq[r*a.StrideQ:], dy[:a.Heads*a.Dim])], 0.5)
				}
				before := slices.Clone(dq)
				add := [3]bool{i%2 == 0, i%3 == 0, i%3 == 1}
				a.Backward(dq, dk, dv, add, q, k, v, y, lse, dy)
				for i := range dq {
					if add[0] {
						dq[i] -= before[i]
					}
				}
				for i := range dk {
					if add[1] {
						dk[i]--
					}
					if add[2] {
						dv[i]--
					}
				}
				wy, wl, wq, wk, wv, wb := naive(a.ready(q, k, v, y), q, k, v, dy)
				kerneltest.Near(t, "y", y, wy, 1e-5)
				kerneltest.Near(t, "lse", lse, wl, 1e-5)
				kerneltest.Near(t, "dq", dq, wq, 5e-5)
				kerneltest.Near(t, "dk", dk, wk, 5e-5)
				kerneltest.Near(t, "dv", dv, wv, 5e-5)
				if a.Bias != nil {
					kerneltest.Near(t, "dbias", a.Bias.Grad, wb, 2e-4)
				}
			})
		}
	})
}

func TestAttentionDeterminism(t *testing.T) {
	defer par.SetWorkers(0)
	a := Attention{B: 3, T: 100, S: 100, Heads: 4, KVHeads: 2, Dim: 32, Causal: true}
	atLevels(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 1))
		q, k, v := kerneltest.Random(rng, 300*128), kerneltest.Random(rng, 300*64), kerneltest.Random(rng, 300*64)
		dy := kerneltest.Random(rng, 300*128)
		var first []float32
		for _, w := range []int{1, 2, 5} {
			par.SetWorkers(w)
			y, lse := make([]float32, 300*128), make([]float32, 3*4*100)
			dq, dk, dv := make([]float32, len(q)), make([]float32, len(k)), make([]float32, len(v))
			a.Forward(y, lse, q, k, v)
			a.Backward(dq, dk, dv, [3]bool{}, q, k, v, y, lse, dy)
			all := append(append(append(append(y, lse...), dq...), dk...), dv...)
			if first == nil {
				first = all
			}
			for i := range all {
				if all[i] != first[i] {
					t.Fatalf("%d workers: element %d differs", w, i)
				}
			}
		}
	})
}

// Decoding token by token against a cache gives what the whole sequence gives at once.
func TestAttentionDecode(t *testing.T) {
	const T, heads, kvHeads = 70, 4, 2
	atLevels(t, func(t *testing.T) {
		for _, dim := range []int{16, 6} {
			decodeEach(t, T, heads, kvHeads, dim)
		}
	})
}

func decodeEach(t *testing.T, T, heads, kvHeads, dim int) {
	rng := rand.New(rand.NewPCG(2, 3))
	a := Attention{B: 2, T: T, S: T, Heads: heads, KVHeads: kvHeads, Dim: dim, Causal: true}
	q, k, v := kerneltest.Random(rng, 2*T*heads*dim), kerneltest.Random(rng, 2*T*kvHeads*dim), kerneltest.Random(rng, 2*T*kvHeads*dim)
	y, lse := make([]float32, len(q)), make([]float32, 2*heads*T)
	a.Forward(y, lse, q, k, v)
	for _, n := range []int{0, 1, 40, T - 1} {
		gap, room := 5, T+3
		one := make([]float32, 2*(heads*dim+gap))
		var keys, values [][]float32
		for b := range 2 {
			copy(one[b*(heads*dim+gap):], q[(b*T+n)*heads*dim:][:heads*dim])
			keys, values = append(keys, kerneltest.Random(rng, kvHeads*room*dim)), append(values, kerneltest.Random(rng, kvHeads*room*dim))
			for s := range n + 1 {
				for h := range kvHeads {
					from, to := ((b*T+s)*kvHeads+h)*dim, (h*room+s)*dim
					copy(keys[b][to:], k[from:][:dim])
					copy(values[b][to:], v[from:][:dim])
				}
			}
		}
		got := make([]float32, 2*heads*dim)
		AttentionDecode(got, one, heads*dim+gap, keys, values, []int{n + 1, n + 1}, heads, kvHeads, dim, 0)
		for b := range 2 {
			for i := range heads * dim {
				if w := y[(b*T+n)*heads*dim+i]; math.Abs(float64(got[b*heads*dim+i]-w)) > 1e-5 {
					t.Fatalf("position %d, row %d: %g, want %g", n, b, got[b*heads*dim+i], w)
				}
			}
		}
	}
}

// BenchmarkAttention reports GFLOP/s counting only the scores that a causal mask leaves,
// 4 and 10 products of T²/2·Dim a head forward and backward.
//
// Tried and left out, on two cores with AVX-512 at T 256:
//   - keys, values and gradients of a head in dense copies: backward 12.5 ms instead of 9.7, since
//     copying pieces of 256 bytes a page apart costs more than it saves; also copies of a tile's queries;
//   - every B operand packed, with 128 or 256 queries in a tile of Backward: 5 % slower, 2 % faster at T 1,024;
//   - tiles of 128 queries: as fast as 64;
//   - prefetching the rows of the next head, across sequences too: as fast, since prefetching a whole
//     strip at once takes as long as it saves (35 µs forward and 50 backward for the first head).
func BenchmarkAttention(b *testing.B) {
	before := active
	defer func() { active = before; par.SetWorkers(0) }()
	for _, l := range levels[1:] {
		for _, workers := range []int{1, 2} {
			active = l
			par.SetWorkers(workers)
			for _, a := range []Attention{
				{B: 16, T: 256, S: 256, Heads: 6, KVHeads: 6, Dim: 64, Causal: true},
				{B: 8, T: 256, S: 256, Heads: 4, KVHeads: 4, Dim: 32, Causal: true},
				{B: 2, T: 1024, S: 1024, Heads: 6, KVHeads: 6, Dim: 64, Causal: true},
			} {
				rng := rand.New(rand.NewPCG(1, 1))
				width := a.Heads * a.Dim
				a.StrideQ, a.StrideK, a.StrideV = 3*width, 3*width, 3*width
				qkv, y, dy := kerneltest.Random(rng, a.B*a.T*3*width), kerneltest.Random(rng, a.B*a.T*width), kerneltest.Random(rng, a.B*a.T*width)
				d := par.Zeros(len(qkv))
				lse := make([]float32, a.B*a.Heads*a.T)
				flops := float64(a.B*a.Heads*a.Dim) * float64(a.T) * float64(a.T)
				a.Forward(y, lse, qkv, qkv[width:], qkv[2*width:])
				name := fmt.Sprintf("%s/%d/T%dxD%d", l.gemm.Name, workers, a.T, a.Dim)
				b.Run(name+"/forward", func(b *testing.B) {
					kerneltest.OfPeak(b, Peak(workers, false), 2*flops, func() {
						a.Forward(y, lse, qkv, qkv[width:], qkv[2*width:])
					})
				})
				b.Run(name+"/backward", func(b *testing.B) {
					kerneltest.OfPeak(b, Peak(workers, false), 5*flops, func() {
						a.Backward(d, d[width:], d[2*width:], [3]bool{}, qkv, qkv[width:], qkv[2*width:], y, lse, dy)
					})
				})
			}
		}
	}
}
