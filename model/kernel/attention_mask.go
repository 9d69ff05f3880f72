package kernel

import "math"

// coverage says how much of a tile of scores is visible.
type coverage int

const (
	nothing coverage = iota
	something
	everything
)

// cover compares the tile of queries [t0, t0+rows) with keys [s0, s0+cols) by the causal mask and the
// smallest and largest document on each side. nothing is certain; something means that documents
// must be compared one by one.
func (a *Attention) cover(b, t0, rows, s0, cols int) coverage {
	cols = a.visibleKeys(t0+rows-1, s0, cols)
	if cols == 0 {
		return nothing
	}
	qLow, qHigh := span(a.Docs, b*a.T+t0, rows)
	kLow, kHigh := span(a.KeyDocs, b*a.S+s0, cols)
	both := a.Docs != nil && a.KeyDocs != nil
	switch {
	case qHigh < 0 || kHigh < 0 || both && (qHigh < kLow || kHigh < qLow):
		return nothing
	case a.Window > 0 && !a.near(t0, rows, s0, cols):
		return nothing
	case qLow >= 0 && kLow >= 0 && (!both || qLow == qHigh && kLow == kHigh) && (a.Window == 0 || a.within(t0, rows, s0, cols)):
		return everything
	}
	return something
}

// near reports whether any of the queries [t0, t0+rows) has any of the keys [s0, s0+cols) in its window.
func (a *Attention) near(t0, rows, s0, cols int) bool {
	t0 += a.S - a.T
	return s0+cols-1 > t0-a.Window && s0 < t0+rows-1+a.Window
}

// within reports whether all of the queries have all of the keys in their windows.
func (a *Attention) within(t0, rows, s0, cols int) bool {
	t0 += a.S - a.T
	return s0 > t0+rows-1-a.Window && s0+cols-1 < t0+a.Window
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

// mask sets the scores of a strip of queries to −Inf where their documents or windows hide the key.
// query and key are the rows of the first.
func (a *Attention) mask(query, key int, vis visibleRange, scores []float32) {
	for r := range vis.rows {
		doc, row := int32(0), scores[r*vis.ld:][:vis.of(r)]
		if a.Window > 0 {
			at := (query+r)%a.T + a.S - a.T - key%a.S // the key in the middle of the window
			for c := range row {
				if c <= at-a.Window || c >= at+a.Window {
					row[c] = minusInf
				}
			}
		}
		if a.Docs != nil {
			doc = a.Docs[query+r]
		}
		if doc >= 0 && a.KeyDocs == nil {
			continue
		}
		for c := range row {
			if doc < 0 {
				row[c] = minusInf
			} else if other := a.KeyDocs[key+c]; other < 0 || a.Docs != nil && other != doc {
				row[c] = minusInf
			}
		}
	}
}

var minusInf = float32(math.Inf(-1))

// marks are 1 for each row of a result that has been written to, else 0. The first product overwrites
// a row, so that nothing must be cleared before.
type marks []float32

// newMarks makes marks of this many rows in memory for as many numbers.
func newMarks(memory []float32, rows int, written bool) marks {
	m := marks(memory[:rows])
	clear(m)
	if written {
		m.set(0, rows)
	}
	return m
}

// alike is how many of n rows from row on are marked as row is, without a gap.
func (m marks) alike(row, n int) int {
	for i, written := range m[row:][:n] {
		if written != m[row] {
			return i
		}
	}
	return n
}

// set marks n rows, which are always written together, and reports whether they were marked
// before.
func (m marks) set(row, n int) bool {
	before := n > 0 && m[row] != 0
	for i := range m[row:][:n] {
		m[row+i] = 1
	}
	return before
}

// clearRest clears the rows that were never written, of width d and stride apart.
func (m marks) clearRest(x []float32, d, stride int) {
	for r, written := range m {
		if written == 0 {
			clear(x[r*stride:][:d])
		}
	}
}
