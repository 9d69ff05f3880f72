package gemm

import "fragua/model/kernel/par"

// A tile is rows [i0, i1) and panels [first, last) of C: MC rows and NC columns, which one worker
// computes.
type tile struct {
	*blocked
	*call
	*partition
	i0, i1, first, last int
	panelsAhead         []float32 // packed panels to prefetch
	nextFirst           int       // first panel of the tile that likely comes next; 0: none, or the same
	window              window
	overlap             overlap // of TN
}

var tiles par.FreeList[tile]

func (t *tile) free() {
	*t = tile{}
	tiles.Put(t)
}

// multiply computes the tile and packs its panels, if it needs any. In a TN tile of few rows, the
// micro-kernels pack those of the next block while they compute.
func (t *tile) multiply(kc int) {
	var now, next []float32 // panels
	if !t.readsInPlace() {
		size := (t.last - t.first) * t.nr * kc
		now = par.GetScratch(size)
		defer par.PutScratch(now)
		if t.Op == TN && t.i1-t.i0 <= overlapRows {
			next = par.GetScratch(size)
			defer par.PutScratch(next)
		}
	}
	if t.Op == TN {
		t.startOverlap(0, kc, t.K, next)
		defer t.overlap.free()
	}
	left, _ := t.at(t.first)
	for k0 := 0; k0 < t.K; k0 += kc {
		k := min(kc, t.K-k0)
		switch {
		case now == nil:
		case k0 > 0 && next != nil:
			now, next = t.overlap.takePanels(now), now
		default:
			for n := t.first; n < t.last; n++ {
				column, _ := t.at(n)
				t.packPanel(t.call, t.partition, now[(column-left)*k:], n, k0, k)
			}
		}
		if now != nil && next == nil {
			t.planPrefetch(k0+k, kc)
		}
		t.block(now, k0, k)
	}
}

// readsInPlace reports whether the micro-kernels read B in place, in whole vectors: the tile has too
// few rows for packing to pay. For TN the limit is lower, since packing overlaps; and lower still
// where rows of B are a multiple of 4 KB apart, since they share few sets of the cache.
func (t *tile) readsInPlace() bool {
	most := unpackedRows * t.blocked.lanes
	if t.Op == TN {
		most /= 2
	}
	if t.LDB%1024 == 0 {
		most /= 4
	}
	return t.Op != NT && t.i1-t.i0 <= most && t.N%t.blocked.lanes == 0 && t.round == nil
}

// block is the macro-kernel: it adds what rows [k0, k0+k) of op(B) contribute. b has their panels,
// one after the other; if it is nil, the micro-kernels read B in place.
func (t *tile) block(b []float32, k0, k int) {
	acc := 0
	if t.Acc || k0 > 0 {
		acc = 1
	}
	var rounded []float32 // a strip of A
	switch {
	case t.Op == TN:
		t.overlap.begin(k0, k)
	case t.round != nil:
		rounded = par.GetScratch(t.mr * k)
		defer par.PutScratch(rounded)
	}
	left, _ := t.at(t.first)
	for i := t.i0; i < t.i1; i += t.mr {
		rows := min(t.mr, t.i1-i)
		a, lda := t.strip(i, rows, k0, k, rounded)
		t.window.startStrip(i)
		for n := t.first; n < t.last; n++ {
			j, vectors := t.at(n)
			tail := min(t.blocked.lanes, t.N-j-(vectors-1)*t.blocked.lanes)
			panel, ldb := (*float32)(nil), t.LDB
			if b == nil {
				panel = &t.B[k0*ldb+j]
			} else {
				panel, ldb = &b[(j-left)*k], vectors*t.blocked.lanes
			}
			kernels, ahead := t.ahead(i, n, k0, k, rows, vectors)
			if ahead.next == nil {
				ahead.next, ahead.step, ahead.by = a, t.LDA, rowAdvance
			}
			kernels[vectors](k, a, lda, panel, ldb, &t.C[i*t.LDC+j], t.LDC, acc, tail, ahead)
		}
		if k0+k == t.K {
			t.finish(i, i+rows, left, t.end(t.last))
		}
	}
}

// strip returns where the micro-kernels find rows [i, i+rows) of op(A), and their leading dimension.
func (t *tile) strip(i, rows, k0, k int, rounded []float32) (a *float32, lda int) {
	switch {
	case t.Op == TN:
		return t.overlap.columns(i, k0)
	case t.round != nil:
		for r := range rows {
			t.round(k, &rounded[r*k], &t.A[(i+r)*t.LDA+k0])
		}
		return &rounded[0], k
	}
	return &t.A[i*t.LDA+k0], t.LDA
}
