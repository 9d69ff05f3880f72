package extract

import (
	endian "encoding/binary"
	"maps"
	"math/bits"
	"slices"
)

// A wordTable gives hashes of words their weights: a hash table with open addressing
// and at least as many free places as taken ones. Words that it does not have weigh 0.
type wordTable struct {
	entries []wordEntry
	count   int
	shift   int
}

type wordEntry struct {
	hash   uint32
	weight int8
	taken  bool
}

func newWordTable(weights map[uint32]int8) wordTable {
	size := bits.Len(uint(2*len(weights) + 1))
	t := wordTable{entries: make([]wordEntry, 1<<size), count: len(weights), shift: 32 - size}
	for hash, weight := range weights {
		*t.place(hash) = wordEntry{hash, weight, true}
	}
	return t
}

// place is where a hash stands, or where it would.
func (t *wordTable) place(hash uint32) *wordEntry {
	for i := int(hash * 0x9e3779b1 >> t.shift); ; i++ {
		e := &t.entries[i&(len(t.entries)-1)]
		if !e.taken || e.hash == hash {
			return e
		}
	}
}

func (t *wordTable) weight(hash uint32) int {
	if t.count == 0 {
		return 0
	}
	return int(t.place(hash).weight)
}

// appendTo writes the number of words, and for each its hash and weight, sorted.
func (t *wordTable) appendTo(b []byte) []byte {
	weights := map[uint32]int8{}
	for _, e := range t.entries {
		if e.taken {
			weights[e.hash] = e.weight
		}
	}
	b = endian.LittleEndian.AppendUint16(b, uint16(len(weights)))
	for _, h := range slices.Sorted(maps.Keys(weights)) {
		b = append(endian.LittleEndian.AppendUint32(b, h), byte(weights[h]))
	}
	return b
}

// readWordTable reads what appendTo wrote, and returns what follows it.
func readWordTable(b []byte) (t wordTable, rest []byte, err error) {
	if len(b) < 2 {
		return t, nil, errWeights
	}
	n := int(endian.LittleEndian.Uint16(b))
	b = b[2:]
	if len(b) < 5*n {
		return t, nil, errWeights
	}
	weights := make(map[uint32]int8, n)
	for i := range n {
		weights[endian.LittleEndian.Uint32(b[5*i:])] = int8(b[5*i+4])
	}
	return newWordTable(weights), b[5*n:], nil
}
