package tokenize

import (
	"fmt"
	"iter"
	"math/bits"
)

// noMerge is the rank of a pair that no rule joins.
const noMerge = 1<<rankBits - 1

// A pairTable knows which two neighbouring tokens join, in which order of
// preference, and into what: an open-addressed table of 64-bit words, so that
// those of 50,000 rules fit into a megabyte, and the tokens by rank.
//
//	63      43 42      22 21     0
//	|  left   |  right   |  rank  |  all ones: free
type pairTable struct {
	slots []uint64
	used  int
	shift uint
	ids   []int32 // what a rule makes, by rank
}

const (
	rankBits = 22
	idBits   = 21 // of ids below maxID
	freePair = ^uint64(0)
)

// newPairTable makes a table for n rules; for more it grows.
func newPairTable(n int) pairTable {
	width := max(bits.Len(uint(2*n)), 4)
	t := pairTable{slots: hugePages(make([]uint64, 1<<width)), shift: uint(64 - width)}
	for i := range t.slots {
		t.slots[i] = freePair
	}
	return t
}

func pairKey(left, right int32) uint64 { return uint64(left)<<idBits | uint64(right) }

// find returns the place of a key, or the free one for it.
func (t *pairTable) find(key uint64) uint64 {
	mask := uint64(len(t.slots) - 1)
	p := key * 0x9E3779B97F4A7C15 >> t.shift
	for t.slots[p&mask]>>rankBits != key && t.slots[p&mask] != freePair {
		p++
	}
	return p & mask
}

// set makes a rule; a later one for the same pair replaces it.
func (t *pairTable) set(left, right int32, rank int, id int32) error {
	if rank >= noMerge {
		return fmt.Errorf("there are more than %d merges", noMerge)
	}
	for len(t.ids) <= rank {
		t.ids = append(t.ids, -1)
	}
	t.ids[rank] = id
	t.put(rule{left, right, uint32(rank), id})
	return nil
}

func (t *pairTable) put(r rule) {
	key := pairKey(r.left, r.right)
	at := t.find(key)
	if t.slots[at] == freePair {
		if t.used++; 2*t.used > len(t.slots) {
			t.grow()
			at = t.find(key)
		}
	}
	t.slots[at] = key<<rankBits | uint64(r.rank)
}

func (t *pairTable) grow() {
	old := t.slots
	wider := newPairTable(len(old))
	t.slots, t.shift = wider.slots, wider.shift
	for _, s := range old {
		if s != freePair {
			t.slots[t.find(s>>rankBits)] = s
		}
	}
}

// rank returns the rank of the rule for a pair.
func (t *pairTable) rank(left, right int32) uint32 {
	key := pairKey(left, right)
	mask := uint64(len(t.slots) - 1)
	for p := key * 0x9E3779B97F4A7C15 >> t.shift; ; p++ {
		s := t.slots[p&mask]
		if s>>rankBits == key {
			return uint32(s & noMerge)
		}
		if s == freePair {
			return noMerge
		}
	}
}

// A rule joins two tokens.
type rule struct {
	left, right int32
	rank        uint32
	id          int32
}

// rules goes through all of them, in no order that means anything.
func (t *pairTable) rules() iter.Seq[rule] {
	return func(yield func(rule) bool) {
		for _, s := range t.slots {
			if s == freePair {
				continue
			}
			r := rule{int32(s >> (rankBits + idBits)), int32(s >> rankBits & (1<<idBits - 1)), uint32(s & noMerge), 0}
			if r.id = t.ids[r.rank]; !yield(r) {
				return
			}
		}
	}
}
