package tokenize

import "math/bits"

// An Order is a permutation of the numbers below n that takes no memory: a
// Feistel network over the next even power of two, whose answers outside are
// enciphered again until they fall inside ("cycle walking"; Black and Rogaway,
// "Ciphers with Arbitrary Finite Domains", 2002, section 3).
type Order struct {
	n    uint64
	half uint // bits of each half
	keys [6]uint64
}

// NewOrder returns a permutation of the numbers below n, another for every
// epoch and seed.
func NewOrder(n, epoch int, seed uint64) Order {
	o := Order{n: uint64(n), half: uint(bits.Len64(uint64(max(n, 2)-1))+1) / 2}
	key := mix64(seed ^ mix64(uint64(epoch)+0x9e3779b97f4a7c15))
	for i := range o.keys {
		key = mix64(key + 0x9e3779b97f4a7c15)
		o.keys[i] = key
	}
	return o
}

// Order returns the order in which an epoch reads the rows. It depends on
// nothing else, so a training that knows its step can go on.
func (s *BlockSet) Order(epoch int, seed uint64) Order { return NewOrder(s.rows, epoch, seed) }

// Len returns how many numbers are permuted.
func (o Order) Len() int { return int(o.n) }

// At returns the i-th number. It panics unless 0 ≤ i < Len.
func (o Order) At(i int) int {
	x := uint64(i)
	if x >= o.n {
		panic("order: index out of range")
	}
	mask := uint64(1)<<o.half - 1
	for {
		l, r := x>>o.half, x&mask
		for _, k := range o.keys {
			l, r = r, l^mix64(r+k)&mask
		}
		if x = l<<o.half | r; x < o.n {
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
