package kernel

import (
	"fmt"
	"math"
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
	Scale               float32 // of the scores; 0 means 1/√Dim
	Docs, KeyDocs       []int32 // (B·T) and (B·S), which document a row belongs to: nil: no limit
	StrideQ, StrideK    int
	StrideV, StrideY    int
}

const (
	queryTile = 64
	keyTile   = 64
)

// Forward computes y = softmax(scale·q·kᵀ)·v by tiles of queries and keys, with running
// maxima and sums (Dao et al. 2022, algorithm 1): no T×S matrix is ever held. lse is the
// logarithm of each row's Σexp, kept for the way back.
func (a Attention) Forward(y, lse, q, k, v []float32) {
	a = a.ready(q, k, v, y)
	same("Attention", a.B*a.Heads*a.T, len(lse))
	tiles := (a.T + queryTile - 1) / queryTile
	Parallel(a.B*a.Heads*tiles, 1, func(unit, _ int) {
		b, h, t := unit/tiles/a.Heads, unit/tiles%a.Heads, unit%tiles
		a.forwardTile(b, h, t*queryTile, y, lse, q, k, v)
	})
}

func (a *Attention) forwardTile(b, h, t0 int, y, lse, q, k, v []float32) {
	d, rows := a.Dim, min(queryTile, a.T-t0)
	q = q[(b*a.T+t0)*a.StrideQ+h*d:]
	y = y[(b*a.T+t0)*a.StrideY+h*d:]
	lse = lse[(b*a.Heads+h)*a.T+t0:][:rows]
	head := h / (a.Heads / a.KVHeads) * d
	buffer := borrow(queryTile * (keyTile + 1))
	defer giveBack(buffer)
	s, top := buffer[:queryTile*keyTile], buffer[queryTile*keyTile:][:rows]
	sums := lse // holds Σexp until the last tile is done
	minusInf := float32(math.Inf(-1))
	for r := range rows {
		clear(y[r*a.StrideY:][:d])
		top[r], sums[r] = minusInf, 0
	}
	for s0 := 0; s0 < a.S; s0 += keyTile {
		cols := min(keyTile, a.S-s0)
		cover := a.cover(b, t0, rows, s0, cols)
		if cover == nothing {
			continue
		}
		serialGemm(NT, rows, cols, d, q, a.StrideQ, k[(b*a.S+s0)*a.StrideK+head:], a.StrideK, s, keyTile, false)
		if cover == something {
			a.mask(b, t0, rows, s0, cols, s)
		}
		for r := range rows {
			row := s[r*keyTile:][:cols]
			m := max(top[r], active.rowMax(row)*a.Scale)
			if m == minusInf {
				clear(row)
				continue
			}
			if m > top[r] {
				if top[r] != minusInf {
					f := exp32(top[r] - m)
					sums[r] *= f
					active.scale(y[r*a.StrideY:][:d], f)
				}
				top[r] = m
			}
			sums[r] += active.expSum(row, row, a.Scale, m)
		}
		serialGemm(NN, rows, d, cols, s, keyTile, v[(b*a.S+s0)*a.StrideV+head:], a.StrideV, y, a.StrideY, true)
	}
	for r := range rows {
		if top[r] == minusInf {
			lse[r] = minusInf
			continue
		}
		active.scale(y[r*a.StrideY:][:d], 1/sums[r])
		lse[r] = top[r] + float32(math.Log(float64(sums[r])))
	}
}

// Backward adds to dq, dk and dv, laid out as q, k and v, from dy, y and lse; it computes
// the probabilities again tile by tile (Dao et al. 2022, algorithm 4).
func (a Attention) Backward(dq, dk, dv, q, k, v, y, lse, dy []float32) {
	a = a.ready(q, k, v, y)
	a.ready(dq, dk, dv, dy)
	same("Attention", a.B*a.Heads*a.T, len(lse))
	Parallel(a.B*a.KVHeads, 1, func(unit, _ int) {
		b, kv := unit/a.KVHeads, unit%a.KVHeads
		group := a.Heads / a.KVHeads
		for h := kv * group; h < (kv+1)*group; h++ {
			for t0 := 0; t0 < a.T; t0 += queryTile {
				a.backwardTile(b, h, t0, dq, dk, dv, q, k, v, y, lse, dy)
			}
		}
	})
}

func (a *Attention) backwardTile(b, h, t0 int, dq, dk, dv, q, k, v, y, lse, dy []float32) {
	d, rows := a.Dim, min(queryTile, a.T-t0)
	at := (b*a.T+t0)*a.StrideQ + h*d
	q, dq = q[at:], dq[at:]
	at = (b*a.T+t0)*a.StrideY + h*d
	y, dy = y[at:], dy[at:]
	lse = lse[(b*a.Heads+h)*a.T+t0:][:rows]
	head := h / (a.Heads / a.KVHeads) * d
	buffer := borrow(queryTile * (2*keyTile + 1))
	defer giveBack(buffer)
	p, ds, delta := buffer[:queryTile*keyTile], buffer[queryTile*keyTile:][:queryTile*keyTile], buffer[2*queryTile*keyTile:][:rows]
	for r := range rows {
		delta[r] = float32(active.dot(y[r*a.StrideY:][:d], dy[r*a.StrideY:][:d]))
	}
	for s0 := 0; s0 < a.S; s0 += keyTile {
		cols := min(keyTile, a.S-s0)
		cover := a.cover(b, t0, rows, s0, cols)
		if cover == nothing {
			continue
		}
		ko, vo := (b*a.S+s0)*a.StrideK+head, (b*a.S+s0)*a.StrideV+head
		serialGemm(NT, rows, cols, d, q, a.StrideQ, k[ko:], a.StrideK, p, keyTile, false)
		serialGemm(NT, rows, cols, d, dy, a.StrideY, v[vo:], a.StrideV, ds, keyTile, false)
		if cover == something {
			a.mask(b, t0, rows, s0, cols, p)
		}
		for r := range rows {
			pr, dr := p[r*keyTile:][:cols], ds[r*keyTile:][:cols]
			if math.IsInf(float64(lse[r]), -1) {
				clear(pr)
				clear(dr)
				continue
			}
			active.expSum(pr, pr, a.Scale, lse[r])
			active.softmaxGrad(dr, pr, dr, delta[r], a.Scale)
		}
		serialGemm(TN, cols, d, rows, p, keyTile, dy, a.StrideY, dv[vo:], a.StrideV, true)
		serialGemm(TN, cols, d, rows, ds, keyTile, q, a.StrideQ, dk[ko:], a.StrideK, true)
		serialGemm(NN, rows, d, cols, ds, keyTile, k[ko:], a.StrideK, dq, a.StrideQ, true)
	}
}

// coverage says how much of a tile of scores is visible.
type coverage int

const (
	nothing coverage = iota
	something
	everything
)

// cover judges the tile of queries [t0, t0+rows) and keys [s0, s0+cols) by its corners and
// by the smallest and largest document on each side; it may say something where nothing is.
func (a *Attention) cover(b, t0, rows, s0, cols int) coverage {
	whole := true
	if a.Causal {
		past := a.S - a.T
		if s0 > t0+rows-1+past {
			return nothing
		}
		whole = s0+cols-1 <= t0+past
	}
	if a.Docs == nil && a.KeyDocs == nil {
		if whole {
			return everything
		}
		return something
	}
	qLow, qHigh := span(a.Docs, b*a.T+t0, rows)
	kLow, kHigh := span(a.KeyDocs, b*a.S+s0, cols)
	both := a.Docs != nil && a.KeyDocs != nil
	switch {
	case qHigh < 0 || kHigh < 0 || both && (qHigh < kLow || kHigh < qLow):
		return nothing
	case whole && qLow >= 0 && kLow >= 0 && (!both || qLow == qHigh && kLow == kHigh):
		return everything
	}
	return something
}

func span(docs []int32, at, n int) (low, high int32) {
	if docs == nil {
		return 0, 0
	}
	low, high = docs[at], docs[at]
	for _, d := range docs[at : at+n] {
		low, high = min(low, d), max(high, d)
	}
	return low, high
}

// mask sets what is not visible in a tile of scores to −Inf.
func (a *Attention) mask(b, t0, rows, s0, cols int, s []float32) {
	minusInf := float32(math.Inf(-1))
	for r := range rows {
		row := s[r*keyTile:][:cols]
		if a.Causal {
			first := max(0, min(cols, t0+r+a.S-a.T+1-s0))
			for c := first; c < cols; c++ {
				row[c] = minusInf
			}
		}
		var doc int32
		if a.Docs != nil {
			doc = a.Docs[b*a.T+t0+r]
		}
		if a.KeyDocs == nil {
			if doc < 0 {
				for c := range row {
					row[c] = minusInf
				}
			}
			continue
		}
		for c, other := range a.KeyDocs[b*a.S+s0:][:cols] {
			if doc < 0 || other < 0 || a.Docs != nil && other != doc {
				row[c] = minusInf
			}
		}
	}
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
		panic(fmt.Sprintf("kernel: Attention: q, k, v, y, docs, key docs of %d, %d, %d, %d, %d, %d elements do not fit B=%d T=%d S=%d, %d/%d heads of %d",
			len(q), len(k), len(v), len(y), len(a.Docs), len(a.KeyDocs), a.B, a.T, a.S, a.Heads, a.KVHeads, a.Dim))
	}
	return a
}
