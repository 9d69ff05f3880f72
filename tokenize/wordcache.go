package tokenize

import (
	"encoding/binary"
	"math/bits"
)

// Most pieces of a text are few words over and over, so their ids are
// remembered. A wordCache is one goroutine's memory; nothing in it is shared.
//
// Words of at most 15 bytes are their own key: 15 bytes, and a tag of length<<4
// and 8. In a slot the tag also counts the ids that follow, so that one comparison
// tells whether it is this word, and four ids or less. More lie in an arena: the
// tag's low half is 0, ids[0] says where they are and ids[1] how many:
//
//	0            8       15    16     20     24     28     32
//	| word bytes         | tag | ids[0] ids[1] ids[2] ids[3] |
type wordCache struct {
	slots []wordSlot
	used  int
	arena []int32
	long  map[string][]int32
	size  int // bytes kept in long
}

type wordSlot struct {
	k0, k1 uint64 // k1's top byte is the tag; 0: free
	ids    [4]int32
}

const (
	wordMax    = 15      // bytes of a word that is its own key
	firstSlots = 1 << 12 // what a cache begins with
	mostSlots  = 1 << 21 // 64 MiB; a full cache is emptied and fills again
	longMax    = 1 << 10 // bytes of the longest piece remembered
	longBytes  = 1 << 24 // bytes of long pieces remembered
)

const slotSize = 32

// Bits of the tag.
const (
	tagHere  = 8 << 56 // the ids are in the slot
	tagCount = 7 << 56 // how many
)

// holds says whether a slot is that of a key, and has its ids.
func (s *wordSlot) holds(k0, k1 uint64) bool { return s.k0^k0|(s.k1^k1)&^tagCount == 0 }

// is says whether a slot is that of a key.
func (s *wordSlot) is(k0, k1 uint64) bool { return s.k0^k0|(s.k1^k1)&^(tagHere|tagCount) == 0 }

func (s *wordSlot) count() int { return int(s.k1 & tagCount >> 56) }

func newWordCache() *wordCache {
	return &wordCache{slots: make([]wordSlot, firstSlots), long: map[string][]int32{}}
}

// find returns the slot of a key, or a free one for it. A word that had to give
// way to another comes to the place where it is looked for first: words that are
// frequent mostly stand there.
func (c *wordCache) find(k0, k1 uint64) *wordSlot {
	mask := uint64(len(c.slots) - 1)
	home := wordHash(k0, k1) & mask
	for h := home; ; h = (h + 1) & mask {
		s := &c.slots[h]
		if s.k1 == 0 {
			return s
		}
		if s.is(k0, k1) {
			if h != home {
				c.slots[home], *s = *s, c.slots[home]
			}
			return &c.slots[home]
		}
	}
}

// append appends the ids of a slot.
func (c *wordCache) append(dst []int32, s *wordSlot) []int32 {
	if s.k1&tagHere != 0 {
		return append(dst, s.ids[:s.count()]...)
	}
	return append(dst, c.arena[s.ids[0]:s.ids[0]+s.ids[1]]...)
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

// slotKey returns the key of b[i:j] as slots have it.
func slotKey(b []byte, i, j int) (k0, k1 uint64) {
	k0, k1 = wordKey(b, i, j)
	return k0, k1&(1<<56-1) | uint64(j-i)<<60 | tagHere
}

// fill gives a free slot to a word.
func (c *wordCache) fill(s *wordSlot, k0, k1 uint64, ids []int32) {
	s.k0, s.k1 = k0, k1&^tagHere
	if len(ids) <= len(s.ids) {
		s.k1 |= tagHere | uint64(len(ids))<<56
		copy(s.ids[:], ids)
	} else {
		s.ids[0], s.ids[1] = int32(len(c.arena)), int32(len(ids))
		c.arena = append(c.arena, ids...)
	}
	if c.used++; 2*c.used > len(c.slots) {
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
	c.slots = hugePages(make([]wordSlot, 2*len(old)))
	mask := uint64(len(c.slots) - 1)
	for i := range old {
		if old[i].k1 == 0 {
			continue
		}
		h := wordHash(old[i].k0, old[i].k1&^tagCount|tagHere) & mask
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
