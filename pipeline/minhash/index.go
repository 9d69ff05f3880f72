package minhash

import (
	"cmp"
	"math/bits"
	"slices"
)

// An Index finds the items, of many, whose shingles stand in a text. Memory: 16 bytes a shingle, and 2 for the filter.
// It may be used by several goroutines once Freeze was called.
type Index struct {
	entries []entry
	sizes   []uint32 // shingles of each item
	filter  []uint64 // a bit for the high bits of each shingle
	shift   int
}

type entry struct {
	shingle uint64
	item    uint32
}

// Add takes in an item, and returns its number: 0, 1, … Its shingles must differ from each other.
func (x *Index) Add(shingles []uint64) int {
	item := uint32(len(x.sizes))
	for _, s := range shingles {
		x.entries = append(x.entries, entry{s, item})
	}
	x.sizes = append(x.sizes, uint32(len(shingles)))
	return int(item)
}

// Freeze ends the adding.
func (x *Index) Freeze() {
	slices.SortFunc(x.entries, func(a, b entry) int { return cmp.Or(cmp.Compare(a.shingle, b.shingle), cmp.Compare(a.item, b.item)) })
	log := max(6, bits.Len(uint(len(x.entries)))+4)
	x.shift = 64 - log
	x.filter = make([]uint64, 1<<(log-6))
	for _, e := range x.entries {
		b := e.shingle >> x.shift
		x.filter[b/64] |= 1 << (b % 64)
	}
}

// Best returns the item of which the greatest share of shingles stands in a text (of several, the first), and that
// share; -1 if there is none.
func (x *Index) Best(s *Scanner, text string) (item int, share float64) {
	item = -1
	if len(x.entries) == 0 {
		return item, 0
	}
	var found map[uint32]struct{} // numbers of entries
	for some := range s.Shingles(text) {
		for _, h := range some {
			b := h >> x.shift
			if x.filter[b/64]>>(b%64)&1 == 0 {
				continue
			}
			at, ok := slices.BinarySearchFunc(x.entries, h, func(e entry, h uint64) int { return cmp.Compare(e.shingle, h) })
			for ; ok && at < len(x.entries) && x.entries[at].shingle == h; at++ {
				if found == nil {
					found = map[uint32]struct{}{}
				}
				found[uint32(at)] = struct{}{}
			}
		}
	}
	count := map[uint32]uint32{}
	for at := range found {
		count[x.entries[at].item]++
	}
	for i, n := range count {
		if v := float64(n) / float64(x.sizes[i]); v > share || v == share && int(i) < item {
			item, share = int(i), v
		}
	}
	return item, share
}
