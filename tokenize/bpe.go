package tokenize

import (
	"math/bits"
	"slices"
)

// scanLimit is how many symbols are merged by looking at all ranks each time:
// for short pieces that beats a heap, for long ones it is quadratic.
const scanLimit = 48

// merge joins the ids of a piece in place, always the pair of lowest rank, the
// leftmost of equals, until no pair joins or, of short pieces, least ids are
// left; it returns what is left.
func (t *pairTable) merge(ids []int32, least int, m *merger) []int32 {
	if len(ids) > scanLimit {
		return t.mergeLong(ids, m)
	}
	for i := 0; i+1 < len(ids); i++ {
		m.rank[i] = t.rank(ids[i], ids[i+1])
	}
	return t.mergeShort(ids, least, m)
}

// mergeShort is merge for at most scanLimit ids, the rank of each with the next
// in m. Symbols keep their places, and a bit each tells which are left: choosing
// the next pair then takes no branch that text makes unpredictable.
func (t *pairTable) mergeShort(ids []int32, least int, m *merger) []int32 {
	const places = 6 // bits of a place, below the rank
	const none = noMerge << places
	if len(ids) < 2 {
		return ids
	}
	rank := m.rank[:len(ids)]
	for i := range rank {
		rank[i] = rank[i]<<places | uint32(i)
	}
	rank[len(rank)-1] = none
	left := uint64(1)<<len(ids) - 1
	for n := len(ids); n > least; n-- {
		best := rank[0]
		for _, r := range rank[1:] {
			best = min(best, r)
		}
		if best >= none {
			break
		}
		i := best & (1<<places - 1)
		ids[i] = t.ids[best>>places]
		behind := left >> i >> 1 << i << 1
		j := bits.TrailingZeros64(behind) & 63
		rank[j] = none
		left &^= 1 << j
		rank[i] = none
		if behind &= behind - 1; behind != 0 {
			rank[i] = t.rank(ids[i], ids[bits.TrailingZeros64(behind)])<<places | i
		}
		if before := left & (1<<i - 1); before != 0 {
			h := uint32(63 - bits.LeadingZeros64(before))
			rank[h] = t.rank(ids[h], ids[i])<<places | h
		}
	}
	n := 0
	for ; left != 0; left &= left - 1 {
		ids[n] = ids[bits.TrailingZeros64(left)]
		n++
	}
	return ids[:n]
}

// A merger is the working memory of merge.
type merger struct {
	rank       [scanLimit]uint32
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
			if r := t.rank(ids[i], ids[i+1]); r != noMerge {
				m.heap = append(m.heap, uint64(r)<<32|uint64(i))
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
		rank := uint32(top >> 32)
		if t.rank(ids[i], ids[j]) != rank {
			continue
		}
		ids[i], ids[j] = t.ids[rank], gone
		after := m.next[j]
		m.next[i] = after
		if after < n {
			m.prev[after] = i
			if r := t.rank(ids[i], ids[after]); r != noMerge {
				m.push(uint64(r)<<32 | uint64(i))
			}
		}
		if p := m.prev[i]; p >= 0 {
			if r := t.rank(ids[p], ids[i]); r != noMerge {
				m.push(uint64(r)<<32 | uint64(p))
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
