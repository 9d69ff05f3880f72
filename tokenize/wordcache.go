package tokenize

import (
	"encoding/binary"
	"math/bits"
)

// Most pieces of a text are few words over and over, so their ids are
// remembered. A wordCache is one goroutine's memory; nothing in it is shared.
//
// Words of at most 15 bytes are their own key: 15 bytes and the length. Three
// ids lie in the entry itself, more in an arena:
//
//	0        8        15     16     20     24     28     32
//	| word bytes       | len | ids[0] ids[1] ids[2] | n  |
type wordCache struct {
	slots []wordSlot
	used  int
	arena []int32
	long  map[string][]int32
	size  int // bytes kept in long
}

type wordSlot struct {
	k0, k1 uint64 // k1's top byte is the length; 0: free
	ids    [3]int32
	n      int32
}

const (
	wordMax    = 15      // bytes of a word that is its own key
	firstSlots = 1 << 12 // what a cache begins with
	mostSlots  = 1 << 21 // 64 MiB; a full cache is emptied and fills again
	longMax    = 1 << 10 // bytes of the longest piece remembered
	longBytes  = 1 << 24 // bytes of long pieces remembered
)

func newWordCache() *wordCache {
	return &wordCache{slots: make([]wordSlot, firstSlots), long: map[string][]int32{}}
}

// wordHash mixes a key; the low bits are good.
func wordHash(k0, k1 uint64) uint64 {
	h, l := bits.Mul64(k0^0x9E3779B97F4A7C15, k1^0xD6E8FEB86659FD93)
	return h ^ l
}

// wordMask[n] keeps the first n of eight bytes.
var wordMask = func() (m [16]uint64) {
	for n := range m {
		m[n] = ^uint64(0)
		if n < 8 {
			m[n] = 1<<(8*n) - 1
		}
	}
	return m
}()

// wordKey returns the key of b[i:j], which has at most wordMax bytes.
func wordKey(b []byte, i, j int) (k0, k1 uint64) {
	n := j - i
	if i+16 <= len(b) {
		k0 = binary.LittleEndian.Uint64(b[i:])
		if n <= 8 {
			return k0 & wordMask[n], uint64(n) << 56
		}
		return k0, binary.LittleEndian.Uint64(b[i+8:])&wordMask[n-8] | uint64(n)<<56
	}
	var t [16]byte
	copy(t[:], b[i:j])
	return binary.LittleEndian.Uint64(t[:]), binary.LittleEndian.Uint64(t[8:]) | uint64(n)<<56
}

// fill gives a free slot to a word.
func (c *wordCache) fill(slot *wordSlot, k0, k1 uint64, ids []int32) {
	slot.k0, slot.k1, slot.n = k0, k1, int32(len(ids))
	if len(ids) <= len(slot.ids) {
		copy(slot.ids[:], ids)
	} else {
		slot.ids[0] = int32(len(c.arena))
		c.arena = append(c.arena, ids...)
	}
	if c.used++; 4*c.used > 3*len(c.slots) {
		c.grow()
	}
}

func (c *wordCache) grow() {
	old := c.slots
	if len(old) == mostSlots {
		clear(old)
		c.used, c.arena = 0, c.arena[:0]
		return
	}
	c.slots = make([]wordSlot, 2*len(old))
	mask := uint64(len(c.slots) - 1)
	for i := range old {
		if old[i].k1 == 0 {
			continue
		}
		h := wordHash(old[i].k0, old[i].k1) & mask
		for c.slots[h].k1 != 0 {
			h = (h + 1) & mask
		}
		c.slots[h] = old[i]
	}
}

// keep remembers a piece that is too long for a slot.
func (c *wordCache) keep(piece []byte, ids []int32) {
	if len(piece) > longMax {
		return
	}
	if c.size += len(piece) + 4*len(ids); c.size > longBytes {
		clear(c.long)
		c.size = 0
	}
	c.long[string(piece)] = append([]int32(nil), ids...)
}
