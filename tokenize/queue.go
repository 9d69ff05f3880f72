package tokenize

import (
	"encoding/binary"
	"math/bits"
)

// A queue holds pieces between their cut and the look into the cache, so that
// the looks, which mostly wait for memory, follow each other closely and find
// there what was asked for in advance.
type queue struct {
	start [queueSize + 1]uint32 // where pieces begin, and the last one ends
	key   [queueSize]lookup
}

// A lookup is the key of a piece, and where the slot is in which to look first,
// in bytes from the first slot.
type lookup struct{ k0, k1, slot uint64 }

const (
	queueSize = 256
	keySize   = 16      // bytes that are read to make a key
	longPiece = 1 << 20 // what is longer does not enter
)

// fill cuts pieces from b until the queue is full or no keySize bytes are sure to
// follow. It returns how many, and where the last one ends.
func (q *queue) fill(p *Pattern, b []byte) (n, end int) {
	i := 0
	for n <= queueSize-blockSize && i+blockSize+keySize <= len(b) && i < longPiece {
		starts := p.cuts(b, i) &^ 1
		if starts == 0 {
			j := p.next(b, i)
			if j-i > longPiece {
				break
			}
			q.start[n] = uint32(i)
			n++
			i = j
			continue
		}
		q.start[n] = uint32(i)
		n++
		for ; starts&(starts-1) != 0; starts &= starts - 1 {
			q.start[n] = uint32(i + bits.TrailingZeros64(starts))
			n++
		}
		i += bits.TrailingZeros64(starts)
	}
	q.start[n] = uint32(i)
	return n, i
}

// A keyPart says what of sixteen bytes belongs to a word, and its tag.
type keyPart struct{ m0, m1, tag, _ uint64 }

// keyParts is by length. The key of a word that is too long is that of no slot.
var keyParts = func() (parts [wordMax + 2]keyPart) {
	for n := range wordMax + 1 {
		p := &parts[n]
		p.m0, p.m1, p.tag = wordMask[n], wordMask[max(n-8, 0)], uint64(n)<<60
	}
	for n := range parts {
		parts[n].tag |= tagHere
	}
	return parts
}()

// keysPlain makes the keys of n pieces of b.
func (q *queue) keysPlain(n int, b []byte, slots []wordSlot) {
	mask := uint64(len(slots) - 1)
	for k := range n {
		s := q.start[k]
		p := &keyParts[min(q.start[k+1]-s, wordMax+1)]
		x := b[s : s+keySize]
		k0 := binary.LittleEndian.Uint64(x) & p.m0
		k1 := binary.LittleEndian.Uint64(x[8:])&p.m1 | p.tag
		q.key[k] = lookup{k0, k1, (wordHash(k0, k1) & mask) * slotSize}
	}
}

// lookPlain appends the ids of pieces from to n to out, as far as their first
// slot has them, and returns how many pieces and ids these are. There is room
// for all.
func (q *queue) lookPlain(from, n int, slots []wordSlot, out []int32) (found, o int) {
	for k := from; k < n; k++ {
		key := &q.key[k]
		s := &slots[key.slot/slotSize]
		if !s.holds(key.k0, key.k1) {
			return k - from, o
		}
		*(*[4]int32)(out[o:]) = s.ids
		o += s.count()
	}
	return n - from, o
}
