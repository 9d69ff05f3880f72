package examples

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"github.com/zeebo/xxh3"
)

// SplitBy says how examples are split into train, validation and test.
type SplitBy struct {
	Validation float64 `yaml:"validation" doc:"Share of the rows for validation."`
	Test       float64 `yaml:"test" doc:"Share of the rows for test."`
	Stratify   bool    `yaml:"stratify" doc:"Each class in the same shares."`
	GroupBy    string  `yaml:"group_by" doc:"Column: rows alike in it stay together; where it is empty, rows of the same sentence do."`
}

// member is what the split needs to know of a row.
type member struct {
	group uint64
	class int32
	split uint8 // index of places; unset where it is to be decided
}

const unset = 255

// assign decides the split of every member that has none. Whole groups go
// together. The groups of each class, in an order that the seed decides, fill
// test first, then validation; a group that would overfill one is passed over.
// Single rows are therefore split to within one row of the shares, and a class
// with three rows or more has at least one in every split that is asked for.
func (s SplitBy) assign(members []member, seed uint64) {
	type group struct {
		key   uint64
		order uint64
		class int32
		rows  []int32
	}
	byKey := map[uint64]int{}
	var groups []group
	for i, m := range members {
		if m.split != unset {
			continue
		}
		g, ok := byKey[m.group]
		if !ok {
			g = len(groups)
			byKey[m.group] = g
			groups = append(groups, group{key: m.group, order: mix(seed, m.group), class: m.class})
			if !s.Stratify {
				groups[g].class = 0
			}
		}
		groups[g].rows = append(groups[g].rows, int32(i))
	}
	slices.SortFunc(groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.order, b.order), cmp.Compare(a.key, b.key))
	})
	for len(groups) > 0 {
		n, rows := 0, 0
		for n < len(groups) && groups[n].class == groups[0].class {
			rows += len(groups[n].rows)
			n++
		}
		room := [3]int{1: quota(s.Validation, rows), 2: quota(s.Test, rows)}
		for _, g := range groups[:n] {
			to := uint8(0)
			for _, try := range [...]uint8{2, 1} {
				if len(g.rows) <= room[try] {
					to = try
					break
				}
			}
			room[to] -= len(g.rows)
			for _, i := range g.rows {
				members[i].split = to
			}
		}
		groups = groups[n:]
	}
}

// quota is how many of n rows a share is.
func quota(share float64, n int) int {
	q := int(math.Round(share * float64(n)))
	if share > 0 && q == 0 && n >= 3 {
		q = 1
	}
	return q
}

// mix hashes a key with the seed.
func mix(seed, key uint64) uint64 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], key)
	return xxh3.HashSeed(b[:], seed)
}
