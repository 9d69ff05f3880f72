package kernel

import "fragua/model/kernel/par"

// A Mask says what Dropout keeps: elements whose 32 random bits are not below Limit. The bits of
// element i are m(m(i mod 2³² ^ Key1) + i/2³² + Key2), where m is the finalizer of MurmurHash3; what is
// kept is multiplied by Scale.
type Mask struct {
	Key1, Key2 uint32
	Limit      uint32
	Scale      float32
}

// DropoutMask is the mask of probability p, 0 < p < 1, under a seed.
func DropoutMask(p float32, seed uint64) Mask {
	key := splitmix64(seed)
	return Mask{uint32(key), uint32(key >> 32), uint32(float64(p) * (1 << 32)), float32(1 / (1 - float64(p)))}
}

// Dropout sets dst[i] to x[i]/(1−p) with probability 1−p, else to 0. What is dropped
// depends on seed and offset+i alone, so any cutting of the work gives the same mask and
// the same call on the gradient is the way back. dst may be x.
func Dropout(dst, x []float32, p float32, seed, offset uint64) {
	same("Dropout", len(dst), len(x))
	switch {
	case p <= 0:
		copy(dst, x)
		return
	case p >= 1:
		clear(dst)
		return
	}
	d := DropoutMask(p, seed)
	dropouts.Run(len(dst), par.Grain, dropout{active.dropout, dst, x, d, offset})
}

type dropout struct {
	f       func(dst, x []float32, d *Mask, index uint64)
	dst, x  []float32
	factors Mask
	offset  uint64
}

var dropouts par.CallPool[dropout, *dropout]

func (c *dropout) Chunk(lo, hi int) { c.f(c.dst[lo:hi], c.x[lo:hi], &c.factors, c.offset+uint64(lo)) }

func dropoutPlain(dst, x []float32, d *Mask, index uint64) {
	for i, v := range x {
		if random32(d, index+uint64(i)) < d.Limit {
			v = 0
		}
		dst[i] = v * d.Scale
	}
}

// random32 hashes the index under the keys: two rounds of MurmurHash3's 32-bit finalizer
// (Appleby), the high half of the index entering between them.
func random32(d *Mask, index uint64) uint32 {
	return mix32(mix32(uint32(index)^d.Key1) + uint32(index>>32) + d.Key2)
}

func mix32(h uint32) uint32 {
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}

// splitmix64 is the output function of Steele, Lea and Flood (2014), figure 16.
func splitmix64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
