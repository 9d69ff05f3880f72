package kernel

import (
	"fmt"
	"math"

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
	Causal              bool    // query i sees keys j ≤ i + S − T
	Window              int     // query i sees keys j with |i + S − T − j| < Window; 0: no limit
	Scale               float32 // of the scores; 0 means 1/√Dim
	Docs, KeyDocs       []int32 // (B·T) and (B·S), which document a row belongs to: nil: no limit
	StrideQ, StrideK    int
	StrideV, StrideY    int
}

// Tiles of scores. Within one, strips of a few rows stop at the last key that a causal mask
// leaves them, so that little is computed only to be thrown away.
const (
	queryTile = 64
	keyTile   = 256
	scoreRow  = keyTile + 16 // from one row of a tile to the next: 1 KiB apart, they would share few sets of the cache
	partRows  = 512          // queries of one head that one chunk of work takes
)

// Forward computes y = softmax(scale·q·kᵀ)·v by tiles of queries and keys, with running
// maxima and sums (Dao et al. 2022, algorithm 1): no T×S matrix is ever held. lse is the
// logarithm of each row's Σexp, kept for the way back.
func (a Attention) Forward(y, lse, q, k, v []float32) {
	a = a.ready(q, k, v, y)
	same("Attention", a.B*a.Heads*a.T, len(lse))
	parts := (a.T + partRows - 1) / partRows
	units := a.B * a.KVHeads * parts
	forwards.Run(units, a.inARow(units), attentionForward{a, y, lse, q, k, v})
}

// inARow is how many units of work a worker takes at a time. Heads beside one another have their
// rows in the same pages, so it takes several where there are enough; results do not depend on it.
func (a *Attention) inARow(units int) int { return max(1, min(a.KVHeads, units/(4*par.Workers()))) }

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

// packed lays out the keys (or values) of one head that queries before t1 may see, tile by
// tile, as the right side of a product with their transpose.
func (a *Attention) packed(k []float32, stride, b, kv, t1 int) []float32 {
	n := a.S
	if a.Causal {
		n = max(0, min(n, t1+a.S-a.T))
	}
	tiles := par.GetScratch((n + 2*keyTile) * a.Dim)
	for s := 0; s < n; s += keyTile {
		// The whole tile, so that its layout does not depend on t1.
		active.packT(tiles[s*a.Dim:], k[(b*a.S+s)*stride+kv*a.Dim:], stride, min(keyTile, a.S-s), a.Dim)
	}
	return tiles
}

// seen is how many of the keys [s0, s0+cols) a causal mask leaves query t.
func (a *Attention) seen(t, s0, cols int) int {
	if !a.Causal {
		return cols
	}
	return max(0, min(cols, t+a.S-a.T+1-s0))
}

// sight is what a strip of queries [t, t+rows) computes and sees of keys [s0, s0+cols):
// columns to the last key of its last row, and on to the next whole strip of keys.
func (a *Attention) sight(t, rows, s0, cols int) sight {
	n := a.seen(t+rows-1, s0, cols)
	n = min(cols, (n+active.strip-1)/active.strip*active.strip)
	if a.Causal {
		return sight{rows, n, t + a.S - a.T + 1 - s0, 1, scoreRow}
	}
	return sight{rows, n, n, 0, scoreRow}
}

// tile computes queries [t0, t0+queryTile) of head h of sequence b.
func (a *attentionForward) tile(b, h, t0 int, keys []float32) {
	d, rows := a.Dim, min(queryTile, a.T-t0)
	q, y := a.q[(b*a.T+t0)*a.StrideQ+h*d:], a.y[(b*a.T+t0)*a.StrideY+h*d:]
	lse := a.lse[(b*a.Heads+h)*a.T+t0:][:rows]
	head := h / (a.Heads / a.KVHeads) * d
	buffer := par.GetScratch(active.strip*(scoreRow+2) + 3*queryTile)
	defer par.PutScratch(buffer)
	s, most := buffer[:active.strip*scoreRow], buffer[active.strip*scoreRow:][:active.strip]
	factor := buffer[active.strip*(scoreRow+1):]
	perRow := buffer[active.strip*(scoreRow+2):]
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
		for r0 := 0; r0 < rows; r0 += active.strip {
			see := a.sight(t0+r0, min(active.strip, rows-r0), s0, cols)
			if see.n == 0 {
				continue
			}
			active.mulPacked(see.rows, see.n, d, q[r0*a.StrideQ:], a.StrideQ, keys[s0*d:], cols, s, scoreRow)
			if cover == something {
				a.mask(b*a.T+t0+r0, b*a.S+s0, see, s)
			}
			active.scoresMax(see, s, most)
			grown := false // scores, and with them what earlier sums must be multiplied with
			for r := range see.rows {
				factor[r] = grow(most[r]*a.Scale, &top[r0+r])
				grown = grown || factor[r] != 1
				sums[r0+r] *= factor[r]
				if most[r] = top[r0+r]; most[r] == minusInf { // exp(−Inf − 0) is 0, too
					most[r] = 0
				}
			}
			if grown {
				active.scoresScale(sight{see.rows, d, d, 0, a.StrideY}, y[r0*a.StrideY:], factor)
			}
			active.scoresExp(see, s, a.Scale, most, sums[r0:])
			active.mulTile(NN, see.rows, d, see.n, s, scoreRow, a.v[(b*a.S+s0)*a.StrideV+head:], a.StrideV,
				y[r0*a.StrideY:], a.StrideY, written.set(r0, see.rows))
		}
	}
	written.clearRest(y, d, a.StrideY)
	for r := range rows {
		if share[r] = 1 / sums[r]; top[r] == minusInf {
			share[r], sums[r] = 1, 1
		}
	}
	active.scoresScale(sight{rows, d, d, 0, a.StrideY}, y, share)
	active.log(lse, sums)
	active.addTo(lse, top)
}

// grow raises top to m, if that is more, and returns what earlier sums of exponentials, relative
// to the largest so far, must be multiplied with because of it.
func grow(m float32, top *float32) float32 {
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
