package blocks

import "math/bits"

// A Permutation reorders the numbers below n without a table: a
// Feistel network over the next even power of two, whose answers outside are
// enciphered again until they fall inside ("cycle walking"; Black and Rogaway,
// "Ciphers with Arbitrary Finite Domains", 2002, section 3).
type Permutation struct {
	n    uint64
	half uint // bits of each half
	keys [6]uint64
}

// NewPermutation returns a permutation of the numbers below n, another for every
// epoch and seed.
func NewPermutation(n, epoch int, seed uint64) Permutation {
	p := Permutation{n: uint64(n), half: uint(bits.Len64(uint64(max(n, 2)-1))+1) / 2}
	key := mix64(seed ^ mix64(uint64(epoch)+0x9e3779b97f4a7c15))
	for i := range p.keys {
		key = mix64(key + 0x9e3779b97f4a7c15)
		p.keys[i] = key
	}
	return p
}

// Len returns how many numbers are permuted.
func (p Permutation) Len() int { return int(p.n) }

// At returns the i-th number. It panics unless 0 ≤ i < Len.
func (p Permutation) At(i int) int {
	x := uint64(i)
	if x >= p.n {
		panic("permutation: index out of range")
	}
	mask := uint64(1)<<p.half - 1
	for {
		l, r := x>>p.half, x&mask
		for _, k := range p.keys {
			l, r = r, l^mix64(r+k)&mask
		}
		if x = l<<p.half | r; x < p.n {
			return int(x)
		}
	}
}

// mix64 is the finalizer of SplitMix64: a bijection in which every bit of the
// input moves every bit of the output.
func mix64(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
