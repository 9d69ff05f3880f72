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
	rank [scanLimit]uint32

	ranks []uint32 // by position: rank of the pair that begins there
	live  []uint64 // a bit for each position at which a symbol begins
	least []uint32 // binary tree of the least ranks; a leaf is rankBlock positions, the root is 1
}

// rankBlock is how many positions are searched for the pair of lowest rank; blocks
// are found by the tree.
const rankBlock = 16

// mergeLong is merge in O(n log n) time and 9 bytes a symbol.
func (t *pairTable) mergeLong(ids []int32, m *merger) []int32 {
	n := len(ids)
	blocks := (n + rankBlock - 1) / rankBlock
	leaves := 1 << bits.Len(uint(blocks-1))
	m.ranks = slices.Grow(m.ranks[:0], rankBlock*blocks)[:rankBlock*blocks]
	m.live = slices.Grow(m.live[:0], (n+63)/64)[:(n+63)/64]
	m.least = slices.Grow(m.least[:0], 2*leaves)[:2*leaves]
	for i := range m.ranks {
		m.ranks[i] = noMerge
		if i+1 < n {
			m.ranks[i] = t.rank(ids[i], ids[i+1])
		}
	}
	for k := range m.live {
		m.live[k] = ^uint64(0)
	}
	m.live[(n-1)/64] >>= -n & 63
	for k := range leaves {
		m.least[leaves+k] = noMerge
		if k < blocks {
			m.least[leaves+k] = slices.Min(m.ranks[rankBlock*k : rankBlock*k+rankBlock])
		}
	}
	for k := leaves - 1; k > 0; k-- {
		m.least[k] = min(m.least[2*k], m.least[2*k+1])
	}
	for m.least[1] != noMerge {
		rank, k := m.least[1], 1
		for k < leaves {
			k *= 2
			if m.least[k] != rank {
				k++
			}
		}
		i := rankBlock * (k - leaves)
		for m.ranks[i] != rank {
			i++
		}
		j := m.next(i)
		ids[i] = t.ids[rank]
		m.live[j/64] &^= 1 << (j % 64)
		m.ranks[i], m.ranks[j] = noMerge, noMerge
		if after := m.next(j); after < n {
			m.ranks[i] = t.rank(ids[i], ids[after])
		}
		m.update(i/rankBlock, leaves)
		if j/rankBlock != i/rankBlock {
			m.update(j/rankBlock, leaves)
		}
		if before := m.before(i); before >= 0 {
			m.ranks[before] = t.rank(ids[before], ids[i])
			m.update(before/rankBlock, leaves)
		}
	}
	k := 0
	for i := 0; i < n; i = m.next(i) {
		ids[k] = ids[i]
		k++
	}
	if n > longPiece { // such pieces are rare, and the memory is needed
		m.ranks, m.live, m.least = nil, nil, nil
	}
	return ids[:k]
}

// next returns the position of the symbol behind i, or one behind all.
func (m *merger) next(i int) int {
	k := i / 64
	for rest := m.live[k] >> (i % 64) >> 1 << 1 << (i % 64); ; rest = m.live[k] {
		if rest != 0 {
			return 64*k + bits.TrailingZeros64(rest)
		}
		if k++; k == len(m.live) {
			return 64 * k
		}
	}
}

// before returns the position of the symbol before i, or -1.
func (m *merger) before(i int) int {
	k := i / 64
	for rest := m.live[k] & (1<<(i%64) - 1); ; rest = m.live[k] {
		if rest != 0 {
			return 64*k + 63 - bits.LeadingZeros64(rest)
		}
		if k--; k < 0 {
			return -1
		}
	}
}

// update finds the least rank of block k again.
func (m *merger) update(k, leaves int) {
	least := slices.Min(m.ranks[rankBlock*k : rankBlock*k+rankBlock])
	k += leaves
	for m.least[k] != least {
		m.least[k] = least
		if k /= 2; k == 0 {
			return
		}
		least = min(m.least[2*k], m.least[2*k+1])
	}
}
