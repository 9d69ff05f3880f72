package kernel

import (
	"fmt"
	"math"

	"fragua/model/kernel/gemm"
	"fragua/model/kernel/par"
)

// An Attention is the shape of scaled dot-product attention: B sequences of T queries in
// Heads heads of Dim features, against S keys and values in KVHeads heads, each of which
// serves Heads/KVHeads query heads (Ainslie et al. 2023, grouped queries).
//
//	q, y  (B·T) rows of Heads·Dim          k, v  (B·S) rows of KVHeads·Dim
//	lse   (B, Heads, T)
//
// Rows may be part of longer ones, such as a fused q|k|v: the strides are the distances
// between the starts of rows, 0 meaning that nothing lies between them.
//
// Documents limit what a row sees: where Docs and KeyDocs are both given, only keys of the
// same document; a key of document −1 is padding that nobody sees, and a query of document
// −1 sees nothing. A query that sees no key gets y = 0 and lse = −Inf. Self-attention
// within documents passes the same slice twice.
type Attention struct {
	B, T, S             int
	Heads, KVHeads, Dim int
	Causal              bool          // query i sees keys j ≤ i + S − T
	Window              int           // query i sees keys j with |i + S − T − j| < Window; 0: no limit
	Scale               float32       // of the scores; 0 means 1/√Dim
	Bias                *PositionBias // of the scores; nil: none
	Docs, KeyDocs       []int32       // (B·T) and (B·S), which document a row belongs to: nil: no limit
	StrideQ, StrideK    int
	StrideV, StrideY    int
}

// Tiles of scores. Within a tile, strips of a few queries end at the last key that a causal mask
// shows them, so that few scores are computed in vain.
const (
	queryTile = 64
	keyTile   = 256
	scoreLD   = keyTile + 16 // leading dimension of a tile: rows 1 KiB apart would share few sets of the cache
	partRows  = 512          // queries of a head that are one iteration
)

// Forward computes y = softmax(scale·q·kᵀ)·v by tiles of queries and keys, with running
// maxima and sums (Dao et al. 2022, algorithm 1), without a T×S matrix. lse is the logarithm of
// each row's Σexp, for Backward.
func (a Attention) Forward(y, lse, q, k, v []float32) {
	a = a.ready(q, k, v, y)
	same("Attention", a.B*a.Heads*a.T, len(lse))
	parts := (a.T + partRows - 1) / partRows
	units := a.B * a.KVHeads * parts
	forwards.Run(units, a.unitGrain(units), attentionForward{a, y, lse, q, k, v})
}

// unitGrain is how many heads make a chunk. Neighbouring heads have their rows in the same pages, so
// they are several where there are enough; results do not depend on it.
func (a *Attention) unitGrain(units int) int { return max(1, min(a.KVHeads, units/(4*par.Workers()))) }

type attentionForward struct {
	Attention
	y, lse, q, k, v []float32
}

var forwards par.CallPool[attentionForward, *attentionForward]

func (a *attentionForward) Chunk(lo, hi int) {
	parts, group := (a.T+partRows-1)/partRows, a.Heads/a.KVHeads
	for unit := lo; unit < hi; unit++ {
		b, kv, t0 := unit/parts/a.KVHeads, unit/parts%a.KVHeads, unit%parts*partRows
		t1 := min(a.T, t0+partRows)
		keys := a.packed(a.k, a.StrideK, b, kv, t1)
		for h := kv * group; h < (kv+1)*group; h++ {
			for t := t0; t < t1; t += queryTile {
				a.tile(b, h, t, keys)
			}
		}
		par.PutScratch(keys)
	}
}

// packed packs the keys (or values) of one head that queries before t1 may see, tile by tile, for
// products with their transpose.
func (a *Attention) packed(k []float32, stride, b, kv, t1 int) []float32 {
	n := a.S
	if a.Causal {
		n = max(0, min(n, t1+a.S-a.T))
	}
	tiles := par.GetScratch((n + 2*keyTile) * a.Dim)
	for s := 0; s < n; s += keyTile {
		// The whole tile, so that its layout does not depend on t1.
		active.gemm.PackTransposed(tiles[s*a.Dim:], k[(b*a.S+s)*stride+kv*a.Dim:], stride, min(keyTile, a.S-s), a.Dim)
	}
	return tiles
}

// visibleKeys is how many of the keys [s0, s0+cols) a causal mask shows query t.
func (a *Attention) visibleKeys(t, s0, cols int) int {
	if !a.Causal {
		return cols
	}
	return max(0, min(cols, t+a.S-a.T+1-s0))
}

// visible is what a strip of queries [t, t+rows) sees of keys [s0, s0+cols). Its columns are those up
// to the last key of its last row, and on to the next whole strip of keys.
func (a *Attention) visible(t, rows, s0, cols int) visibleRange {
	strip := active.gemm.Strip
	n := a.visibleKeys(t+rows-1, s0, cols)
	n = min(cols, (n+strip-1)/strip*strip)
	if a.Causal {
		return visibleRange{rows, n, t + a.S - a.T + 1 - s0, 1, scoreLD}
	}
	return visibleRange{rows, n, n, 0, scoreLD}
}

// tile computes queries [t0, t0+queryTile) of head h of sequence b.
func (a *attentionForward) tile(b, h, t0 int, keys []float32) {
	d, rows := a.Dim, min(queryTile, a.T-t0)
	q, y := a.q[(b*a.T+t0)*a.StrideQ+h*d:], a.y[(b*a.T+t0)*a.StrideY+h*d:]
	lse := a.lse[(b*a.Heads+h)*a.T+t0:][:rows]
	head := h / (a.Heads / a.KVHeads) * d
	strip := active.gemm.Strip
	buffer := par.GetScratch(strip*(scoreLD+2) + 3*queryTile)
	defer par.PutScratch(buffer)
	s, largest := buffer[:strip*scoreLD], buffer[strip*scoreLD:][:strip]
	factor := buffer[strip*(scoreLD+1):]
	perRow := buffer[strip*(scoreLD+2):]
	top, share, written := perRow[:rows], perRow[queryTile:][:rows], newMarks(perRow[2*queryTile:], rows, false)
	sums := lse // holds Σexp until the last tile is done
	for r := range rows {
		top[r], sums[r] = minusInf, 0
	}
	for s0 := 0; s0 < a.S; s0 += keyTile {
		cols := min(keyTile, a.S-s0)
		cover := a.cover(b, t0, rows, s0, cols)
		if cover == nothing {
			continue
		}
		for r0 := 0; r0 < rows; r0 += strip {
			vis := a.visible(t0+r0, min(strip, rows-r0), s0, cols)
			if vis.n == 0 {
				continue
			}
			active.gemm.MulPacked(&gemm.Args{M: vis.rows, N: vis.n, K: d, A: q[r0*a.StrideQ:], LDA: a.StrideQ, B: keys[s0*d:], C: s, LDC: scoreLD}, cols)
			if cover == something {
				a.mask(b*a.T+t0+r0, b*a.S+s0, vis, s)
			}
			if a.Bias != nil {
				a.bias(h, t0+r0, s0, vis, s)
			}
			active.scoresMax(vis, s, largest)
			rescale := false // earlier sums, because a maximum has grown
			for r := range vis.rows {
				factor[r] = raise(&top[r0+r], largest[r]*a.Scale)
				rescale = rescale || factor[r] != 1
				sums[r0+r] *= factor[r]
				if largest[r] = top[r0+r]; largest[r] == minusInf { // exp(−Inf − 0) is 0, too
					largest[r] = 0
				}
			}
			if rescale {
				active.scoresScale(visibleRange{vis.rows, d, d, 0, a.StrideY}, y[r0*a.StrideY:], factor)
			}
			active.scoresExp(vis, s, a.Scale, largest, sums[r0:])
			active.gemm.MulSmall(&gemm.Args{Op: gemm.NN, M: vis.rows, N: d, K: vis.n, A: s, LDA: scoreLD,
				B: a.v[(b*a.S+s0)*a.StrideV+head:], LDB: a.StrideV, C: y[r0*a.StrideY:], LDC: a.StrideY, Acc: written.set(r0, vis.rows)})
		}
	}
	written.clearRest(y, d, a.StrideY)
	for r := range rows {
		if share[r] = 1 / sums[r]; top[r] == minusInf {
			share[r], sums[r] = 1, 1
		}
	}
	active.scoresScale(visibleRange{rows, d, d, 0, a.StrideY}, y, share)
	active.log(lse, sums)
	active.addTo(lse, top)
}

// raise sets top to m, if that is larger, and returns the factor that this brings to earlier sums of
// exponentials, which are relative to top.
func raise(top *float32, m float32) float32 {
	before := *top
	if !(m > before) {
		return 1
	}
	*top = m
	if before == minusInf {
		return 1
	}
	return exp32(before - m)
}

// ready fills in defaults and panics where the slices are too short.
func (a Attention) ready(q, k, v, y []float32) Attention {
	if a.KVHeads <= 0 || a.Heads%a.KVHeads != 0 {
		panic(fmt.Sprintf("kernel: Attention: %d heads do not share %d key heads evenly", a.Heads, a.KVHeads))
	}
	if a.Scale == 0 {
		a.Scale = float32(1 / math.Sqrt(float64(a.Dim)))
	}
	orElse := func(stride *int, width int) {
		if *stride == 0 {
			*stride = width
		}
	}
	orElse(&a.StrideQ, a.Heads*a.Dim)
	orElse(&a.StrideY, a.Heads*a.Dim)
	orElse(&a.StrideK, a.KVHeads*a.Dim)
	orElse(&a.StrideV, a.KVHeads*a.Dim)
	if !fits(q, a.B*a.T, a.Heads*a.Dim, a.StrideQ) || !fits(y, a.B*a.T, a.Heads*a.Dim, a.StrideY) ||
		!fits(k, a.B*a.S, a.KVHeads*a.Dim, a.StrideK) || !fits(v, a.B*a.S, a.KVHeads*a.Dim, a.StrideV) ||
		a.Docs != nil && len(a.Docs) != a.B*a.T || a.KeyDocs != nil && len(a.KeyDocs) != a.B*a.S {
		panic(fmt.Sprintf("kernel: Attention: q, k, v, y, docs, key docs of %d, %d, %d, %d, %d, %d elements do not fit "+
			"B=%d T=%d S=%d, %d/%d heads of %d",
			len(q), len(k), len(v), len(y), len(a.Docs), len(a.KeyDocs), a.B, a.T, a.S, a.Heads, a.KVHeads, a.Dim))
	}
	return a
}
