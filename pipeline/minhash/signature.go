package minhash

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/zeebo/xxh3"
)

// A Key is 128 bits of a hash.
type Key struct{ High, Low uint64 }

// block is how many hash functions are computed at once: four AVX-512 registers.
const block = 64

// Bands is a family of hash functions, by the bands into which their results fall. It may be used by several
// goroutines.
type Bands struct {
	Bands, Rows int
	mul, add    []uint32 // h(x) = mul·x + add mod 2³², a permutation, as mul is odd; a multiple of block
}

// NewBands returns the hash functions of this many bands with this many rows each.
func NewBands(bands, rows int) *Bands {
	n := (bands*rows + block - 1) / block * block
	b := &Bands{Bands: bands, Rows: rows, mul: make([]uint32, n), add: make([]uint32, n)}
	state := uint64(0)
	for i := range n {
		state += golden
		x := mix(state)
		b.mul[i], b.add[i] = uint32(x)|1, uint32(x>>32)
	}
	return b
}

// A Signature holds the least value of each hash function.
type Signature []uint32

// Start returns the signature of no shingles, in the room of s if it has enough.
func (b *Bands) Start(s Signature) Signature {
	if cap(s) < len(b.mul) {
		s = make(Signature, len(b.mul))
	}
	s = s[:len(b.mul)]
	for i := range s {
		s[i] = math.MaxUint32
	}
	return s
}

// Add takes in more shingles.
func (b *Bands) Add(s Signature, shingles []uint64) {
	if len(s) != len(b.mul) {
		panic(fmt.Sprintf("minhash: signature of %d numbers, want %d", len(s), len(b.mul)))
	}
	if len(shingles) == 0 {
		return
	}
	for i := 0; i < len(s); i += block {
		minimum((*[block]uint32)(s[i:]), (*[block]uint32)(b.mul[i:]), (*[block]uint32)(b.add[i:]), shingles)
	}
}

// minimumPlain defines what minimum does: least[i] = min(least[i], mul[i]·x + add[i]) over the low halves of x.
func minimumPlain(least, mul, add *[block]uint32, x []uint64) {
	for i := range block {
		m, a, b := least[i], mul[i], add[i]
		for _, v := range x {
			m = min(m, uint32(v)*a+b)
		}
		least[i] = m
	}
}

// Key returns the key of a band. Keys of different bands are never equal but by chance.
func (b *Bands) Key(s Signature, band int) Key {
	var buf [256]byte
	bytes := buf[:0]
	for _, v := range s[band*b.Rows : (band+1)*b.Rows] {
		bytes = binary.LittleEndian.AppendUint32(bytes, v)
	}
	h := xxh3.Hash128Seed(bytes, uint64(band))
	return Key{h.Hi, h.Lo}
}

// Probability returns how likely two texts of Jaccard similarity s share a key.
func (b *Bands) Probability(s float64) float64 {
	return 1 - math.Pow(1-math.Pow(s, float64(b.Rows)), float64(b.Bands))
}
