package tokenize

import "math/bits"

// pairCounts maps pairs to counts: open addressing, linear probing.
type pairCounts struct {
	slots []pairCount
	used  int
	shift uint
}

type pairCount struct {
	key uint64 // plus one; 0: free
	n   int64
}

func newPairCounts() pairCounts {
	const first = 1 << 12
	return pairCounts{make([]pairCount, first), 0, uint(64 - bits.TrailingZeros(first))}
}

// find returns where the count of a pair is, until the next call of at; nil if it has none.
func (p *pairCounts) find(key uint64) *int64 {
	key++
	mask := uint64(len(p.slots) - 1)
	for h := key * 0x9E3779B97F4A7C15 >> p.shift; ; h++ {
		switch s := &p.slots[h&mask]; s.key {
		case key:
			return &s.n
		case 0:
			return nil
		}
	}
}

// at is find, but it begins a count at 0.
func (p *pairCounts) at(key uint64) *int64 {
	if 2*p.used >= len(p.slots) {
		p.grow()
	}
	key++
	mask := uint64(len(p.slots) - 1)
	for h := key * 0x9E3779B97F4A7C15 >> p.shift; ; h++ {
		switch s := &p.slots[h&mask]; s.key {
		case 0:
			s.key = key
			p.used++
			return &s.n
		case key:
			return &s.n
		}
	}
}

func (p *pairCounts) grow() {
	old := p.slots
	p.slots = make([]pairCount, 2*len(old))
	p.shift--
	mask := uint64(len(p.slots) - 1)
	for _, o := range old {
		if o.key != 0 {
			h := o.key * 0x9E3779B97F4A7C15 >> p.shift
			for p.slots[h&mask].key != 0 {
				h++
			}
			p.slots[h&mask] = o
		}
	}
}
