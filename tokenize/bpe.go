package tokenize

import (
	"math/bits"
	"slices"
)

// noMerge is the rank of a pair that no rule joins.
const noMerge = ^uint64(0)

// A pairTable knows which two neighbouring tokens join, in which order of
// preference, and into what: an open-addressed table from (left, right) to
// rank<<32 | id.
type pairTable struct {
	slots []pairSlot
	shift uint
}

type pairSlot struct{ key, value uint64 } // key: left<<32 | right, plus 1; 0: free

func newPairTable(n int) pairTable {
	width := max(bits.Len(uint(2*n)), 4)
	return pairTable{make([]pairSlot, 1<<width), uint(64 - width)}
}

func (t *pairTable) set(left, right int32, rank, id uint32) {
	key := uint64(uint32(left))<<32 | uint64(uint32(right)) + 1
	mask := uint64(len(t.slots) - 1)
	for p := key * 0x9E3779B97F4A7C15 >> t.shift; ; p++ {
		s := &t.slots[p&mask]
		if s.key == 0 || s.key == key {
			*s = pairSlot{key, uint64(rank)<<32 | uint64(id)}
			return
		}
	}
}

func (t *pairTable) get(left, right int32) uint64 {
	key := uint64(uint32(left))<<32 | uint64(uint32(right)) + 1
	mask := uint64(len(t.slots) - 1)
	for p := key * 0x9E3779B97F4A7C15 >> t.shift; ; p++ {
		s := &t.slots[p&mask]
		if s.key == key {
			return s.value
		}
		if s.key == 0 {
			return noMerge
		}
	}
}

// scanLimit is how many symbols are merged by looking at all ranks each time:
// for short pieces that beats a heap, for long ones it is quadratic.
const scanLimit = 48

// merge joins the ids of a piece in place, always the pair of lowest rank, the
// leftmost of equals, until no pair joins; it returns what is left.
func (t *pairTable) merge(ids []int32, m *merger) []int32 {
	if len(ids) > scanLimit {
		return t.mergeLong(ids, m)
	}
	ranks := m.ranks[:0]
	for i := 0; i+1 < len(ids); i++ {
		ranks = append(ranks, t.get(ids[i], ids[i+1]))
	}
	m.ranks = ranks
	for len(ranks) > 0 {
		at, best := 0, ranks[0]
		for i, r := range ranks {
			if r < best {
				at, best = i, r
			}
		}
		if best == noMerge {
			break
		}
		ids[at] = int32(uint32(best))
		copy(ids[at+1:], ids[at+2:])
		ids = ids[:len(ids)-1]
		copy(ranks[at:], ranks[at+1:])
		ranks = ranks[:len(ranks)-1]
		if at > 0 {
			ranks[at-1] = t.get(ids[at-1], ids[at])
		}
		if at < len(ranks) {
			ranks[at] = t.get(ids[at], ids[at+1])
		}
	}
	return ids
}

// A merger is the working memory of merge.
type merger struct {
	ranks      []uint64
	heap       []uint64 // rank<<32 | position: a binary heap, smallest first
	next, prev []int32
}

// mergeLong is merge in O(n log n): a linked list of symbols and a heap of
// candidates; those that an earlier merge made void are passed over.
func (t *pairTable) mergeLong(ids []int32, m *merger) []int32 {
	const gone = -1
	n := int32(len(ids))
	m.next, m.prev = slices.Grow(m.next[:0], len(ids))[:n], slices.Grow(m.prev[:0], len(ids))[:n]
	m.heap = m.heap[:0]
	for i := range n {
		m.next[i], m.prev[i] = i+1, i-1
		if i+1 < n {
			if v := t.get(ids[i], ids[i+1]); v != noMerge {
				m.heap = append(m.heap, v&^0xFFFFFFFF|uint64(i))
			}
		}
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.down(i)
	}
	for len(m.heap) > 0 {
		top := m.heap[0]
		last := len(m.heap) - 1
		m.heap[0] = m.heap[last]
		m.heap = m.heap[:last]
		m.down(0)
		i := int32(uint32(top))
		j := m.next[i]
		if ids[i] == gone || j >= n {
			continue
		}
		v := t.get(ids[i], ids[j])
		if v == noMerge || v>>32 != top>>32 {
			continue
		}
		ids[i], ids[j] = int32(uint32(v)), gone
		after := m.next[j]
		m.next[i] = after
		if after < n {
			m.prev[after] = i
			if v := t.get(ids[i], ids[after]); v != noMerge {
				m.push(v&^0xFFFFFFFF | uint64(i))
			}
		}
		if p := m.prev[i]; p >= 0 {
			if v := t.get(ids[p], ids[i]); v != noMerge {
				m.push(v&^0xFFFFFFFF | uint64(p))
			}
		}
	}
	k := 0
	for i := int32(0); i < n; i = m.next[i] {
		ids[k] = ids[i]
		k++
	}
	return ids[:k]
}

func (m *merger) push(x uint64) {
	m.heap = append(m.heap, x)
	h, i := m.heap, len(m.heap)-1
	for i > 0 && h[(i-1)/2] > x {
		h[i] = h[(i-1)/2]
		i = (i - 1) / 2
	}
	h[i] = x
}

func (m *merger) down(i int) {
	h := m.heap
	if len(h) == 0 {
		return
	}
	x := h[i]
	for {
		c := 2*i + 1
		if c >= len(h) {
			break
		}
		if c+1 < len(h) && h[c+1] < h[c] {
			c++
		}
		if h[c] >= x {
			break
		}
		h[i] = h[c]
		i = c
	}
	h[i] = x
}
