package kernel

import (
	"fragua/model/kernel/gemm"
	"fragua/model/kernel/par"
)

// Backward makes dq, dk and dv, laid out as q, k and v, from dy, y and lse; add says of each
// of them whether it is added to or overwritten. The probabilities are computed again tile
// by tile (Dao et al. 2022, algorithm 4).
func (a Attention) Backward(dq, dk, dv []float32, add [3]bool, q, k, v, y, lse, dy []float32) {
	a = a.ready(q, k, v, y)
	a.ready(dq, dk, dv, dy)
	same("Attention", a.B*a.Heads*a.T, len(lse))
	units := a.B * a.KVHeads
	back := attentionBackward{a, dq, dk, dv, add, q, k, v, y, lse, dy, a.biasGrads()}
	backwards.Run(units, a.unitGrain(units), back)
	if back.biases != nil {
		back.biasSum()
	}
}

type attentionBackward struct {
	Attention
	dq, dk, dv          []float32
	add                 [3]bool
	q, k, v, y, lse, dy []float32
	biases              []float32 // gradients of (B, Heads, distance); nil: not wanted
}

var backwards par.CallPool[attentionBackward, *attentionBackward]

func (a *attentionBackward) Chunk(lo, hi int) {
	for unit := lo; unit < hi; unit++ {
		a.head(unit/a.KVHeads, unit%a.KVHeads)
	}
}

// head computes the gradients of a head of keys and of the query heads that it serves.
func (a *attentionBackward) head(b, kv int) {
	keys, values := a.packed(a.k, a.StrideK, b, kv, a.T), a.packed(a.v, a.StrideV, b, kv, a.T)
	defer par.PutScratch(keys)
	defer par.PutScratch(values)
	buffer := par.GetScratch(2*a.S + queryTile)
	defer par.PutScratch(buffer)
	markQ, markK, markV := buffer[2*a.S:], newMarks(buffer, a.S, a.add[1]), newMarks(buffer[a.S:], a.S, a.add[2])
	group := a.Heads / a.KVHeads
	for h := kv * group; h < (kv+1)*group; h++ {
		for t := 0; t < a.T; t += queryTile {
			rows := min(queryTile, a.T-t)
			written := newMarks(markQ, rows, a.add[0])
			a.tile(b, h, t, keys, values, [3]marks{written, markK, markV})
			written.clearRest(a.dq[(b*a.T+t)*a.StrideQ+h*a.Dim:], a.Dim, a.StrideQ)
		}
	}
	at := b * a.S
	markK.clearRest(a.dk[min(len(a.dk), at*a.StrideK+kv*a.Dim):], a.Dim, a.StrideK)
	markV.clearRest(a.dv[min(len(a.dv), at*a.StrideV+kv*a.Dim):], a.Dim, a.StrideV)
}

// tile computes what queries [t0, t0+queryTile) of head h of sequence b contribute; written are marks
// of the rows of dq, dk and dv.
func (a *attentionBackward) tile(b, h, t0 int, keys, values []float32, written [3]marks) {
	d, rows, strip := a.Dim, min(queryTile, a.T-t0), active.gemm.Strip
	at := (b*a.T+t0)*a.StrideQ + h*d
	q, dq := a.q[at:], a.dq[at:]
	at = (b*a.T+t0)*a.StrideY + h*d
	y, dy := a.y[at:], a.dy[at:]
	lse := a.lse[(b*a.Heads+h)*a.T+t0:][:rows]
	head := h / (a.Heads / a.KVHeads) * d
	buffer := par.GetScratch(queryTile * (2*scoreLD + 2))
	defer par.PutScratch(buffer)
	probs, grads := buffer[:queryTile*scoreLD], buffer[queryTile*scoreLD:][:queryTile*scoreLD]
	delta, shift := buffer[2*queryTile*scoreLD:][:rows], buffer[queryTile*(2*scoreLD+1):][:rows]
	for r := range rows {
		delta[r] = active.rowDot(y[r*a.StrideY:][:d], dy[r*a.StrideY:][:d])
		if shift[r] = lse[r]; shift[r] == minusInf { // a query that sees nothing: exp(x − Inf) is 0
			shift[r] = -minusInf
		}
	}
	for s0 := 0; s0 < a.S; s0 += keyTile {
		cols := min(keyTile, a.S-s0)
		cover := a.cover(b, t0, rows, s0, cols)
		if cover == nothing {
			continue
		}
		ko, vo := (b*a.S+s0)*a.StrideK+head, (b*a.S+s0)*a.StrideV+head
		for r0 := 0; r0 < rows; r0 += strip {
			vis := a.visible(t0+r0, min(strip, rows-r0), s0, cols)
			if vis.n == 0 {
				continue
			}
			p, ds := probs[r0*scoreLD:], grads[r0*scoreLD:]
			active.gemm.MulPacked(&gemm.Args{M: vis.rows, N: vis.n, K: d, A: q[r0*a.StrideQ:], LDA: a.StrideQ, B: keys[s0*d:], C: p, LDC: scoreLD}, cols)
			active.gemm.MulPacked(&gemm.Args{M: vis.rows, N: vis.n, K: d, A: dy[r0*a.StrideY:], LDA: a.StrideY, B: values[s0*d:], C: ds, LDC: scoreLD}, cols)
			if cover == something {
				a.mask(b*a.T+t0+r0, b*a.S+s0, vis, p)
			}
			if a.Bias != nil {
				a.bias(h, t0+r0, s0, vis, p)
			}
			active.scoresGrad(vis, p, ds, a.Scale, shift[r0:], delta[r0:])
			if a.biases != nil {
				a.biasBack(b, h, t0+r0, s0, vis, ds)
			}
			active.gemm.MulSmall(&gemm.Args{Op: gemm.NN, M: vis.rows, N: d, K: vis.n, A: ds, LDA: scoreLD,
				B: a.k[ko:], LDB: a.StrideK, C: dq[r0*a.StrideQ:], LDC: a.StrideQ, Acc: written[0].set(r0, vis.rows)})
		}
		// A key's gradients sum over the strips that see it, which are the last ones.
		for c, r0 := 0, 0; c < cols; {
			end := 0 // of the keys that the strip at r0 sees
			for ; r0 < rows; r0 += strip {
				if end = a.visible(t0+r0, min(strip, rows-r0), s0, cols).n; end > c {
					break
				}
			}
			if r0 >= rows {
				break
			}
			wide := written[2].alike(s0+c, written[1].alike(s0+c, end-c))
			active.gemm.MulSmall(&gemm.Args{Op: gemm.TN, M: wide, N: d, K: rows - r0, A: probs[r0*scoreLD+c:], LDA: scoreLD,
				B: dy[r0*a.StrideY:], LDB: a.StrideY, C: a.dv[vo+c*a.StrideV:], LDC: a.StrideV, Acc: written[2].set(s0+c, wide)})
			active.gemm.MulSmall(&gemm.Args{Op: gemm.TN, M: wide, N: d, K: rows - r0, A: grads[r0*scoreLD+c:], LDA: scoreLD,
				B: q[r0*a.StrideQ:], LDB: a.StrideQ, C: a.dk[ko+c*a.StrideK:], LDC: a.StrideK, Acc: written[1].set(s0+c, wide)})
			c += wide
		}
	}
}
