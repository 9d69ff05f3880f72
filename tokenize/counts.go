package tokenize

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
	"unsafe"
)

// A wordCounter counts distinct pieces. Text is few words over and over, so a
// corpus shrinks to its distinct pieces and their counts, and training sees no
// more than these. Short words are their own key, as in wordCache, whose queue
// and layout serve here as well:
//
//	0            8       15    16      24       32
//	| word bytes         | tag | count | unused |
type wordCounter struct {
	slots []countSlot
	used  int
	long  map[string]*int64
	queue queue
}

type countSlot struct {
	k0, k1 uint64 // k1 is 0 where the slot is free
	n      int64
	_      int64
}

// asWordSlots lends counts to what makes keys and asks for slots.
func asWordSlots(slots []countSlot) []wordSlot {
	return unsafe.Slice((*wordSlot)(unsafe.Pointer(unsafe.SliceData(slots))), len(slots))
}

func newWordCounter() *wordCounter {
	return &wordCounter{slots: make([]countSlot, 1<<13), long: map[string]*int64{}}
}

// count counts the pieces of a text, or of each of its lines. It fails only where a
// regular expression takes too long.
func (c *wordCounter) count(p *Pattern, b []byte, lines bool) (err error) {
	defer recoverEncode(&err)
	end := 0 // of the line at i; of the text, unless lines are cut apart
	lineEnd := func(i int) {
		if i == end {
			end = len(b)
			if k := bytes.IndexByte(b[i:], '\n'); lines && k >= 0 {
				end = i + k + 1
			}
		}
	}
	q := &c.queue
	for i := 0; i < len(b); {
		lineEnd(i)
		if p.re != nil {
			text := string(b[i:end])
			for _, s := range splitRegex(p.re, text) {
				c.addWord(text[s.start:s.end], 1)
			}
			i = end
			continue
		}
		begin, n := i, 0
		for n <= queueSize-blockSize && i+blockSize+keySize <= len(b) && i-begin < longPiece {
			starts := p.cuts(b, i) &^ 1
			for lines && end < i+blockSize && starts>>(end-1-i) != 0 {
				at := uint64(1) << (end - i) // the next line
				if starts&(at>>1) != 0 && whiteBefore(b[i:end-1]) {
					starts &^= at >> 1
				}
				starts |= at
				if b[end] == '\r' || b[end] == '/' { // may have been taken for part of the line end
					starts &= at<<1 - 1
					lineEnd(end)
					break
				}
				lineEnd(end)
			}
			if lines && end == i+blockSize && starts>>(blockSize-1) != 0 && whiteBefore(b[i:end-1]) {
				starts &^= 1 << (blockSize - 1)
			}
			if starts == 0 {
				j := p.next(b[:end], i)
				if j-i > longPiece {
					break
				}
				q.start[n] = uint32(i - begin)
				n++
				i = j
				lineEnd(i)
				continue
			}
			q.start[n] = uint32(i - begin)
			n++
			for ; starts&(starts-1) != 0; starts &= starts - 1 {
				q.start[n] = uint32(i - begin + bits.TrailingZeros64(starts))
				n++
			}
			i += bits.TrailingZeros64(starts)
		}
		if n > 0 {
			q.start[n] = uint32(i - begin)
			c.addQueue(n, b[begin:])
			continue
		}
		j := p.next(b[:end], i)
		c.addBytes(b[i:j], 1)
		i = j
	}
	return nil
}

// whiteBefore says whether b ends in white space other than a line end.
func whiteBefore(b []byte) bool {
	for w := 1; w <= min(4, len(b)); w++ {
		if k, n := classAt(b, len(b)-w); n == w {
			return k == space || k == newline && b[len(b)-1] == '\r'
		}
	}
	return false
}

// addQueue counts the first n pieces of the queue, which are cut from b.
func (c *wordCounter) addQueue(n int, b []byte) {
	c.reserve(n)
	q, slots := &c.queue, c.slots
	q.keys(n, b, asWordSlots(slots))
	for k := range n {
		key := &q.key[k]
		s := &slots[key.slot/slotSize]
		if s.k0 == key.k0 && s.k1 == key.k1 {
			s.n++
			continue
		}
		if key.k1 == tagHere {
			c.addBytes(b[q.start[k]:q.start[k+1]], 1)
			continue
		}
		c.slot(key.k0, key.k1).n++
	}
}

// addWord counts a word n times.
func (c *wordCounter) addWord(word string, n int64) { c.addBytes(asBytes(word), n) }

func (c *wordCounter) addBytes(word []byte, n int64) {
	if len(word) == 0 {
		return
	}
	if len(word) <= wordMax {
		c.reserve(1)
		c.slot(slotKey(word, 0, len(word))).n += n
		return
	}
	if p, ok := c.long[string(word)]; ok {
		*p += n
		return
	}
	c.long[string(word)] = &n
}

// slot returns the slot of a key, for which there is room.
func (c *wordCounter) slot(k0, k1 uint64) *countSlot {
	mask := uint64(len(c.slots) - 1)
	for h := wordHash(k0, k1); ; h++ {
		s := &c.slots[h&mask]
		if s.k0 == k0 && s.k1 == k1 {
			return s
		}
		if s.k1 == 0 {
			s.k0, s.k1 = k0, k1
			c.used++
			return s
		}
	}
}

// reserve makes room for n more words.
func (c *wordCounter) reserve(n int) {
	if 2*(c.used+n) <= len(c.slots) {
		return
	}
	size := len(c.slots)
	for 2*(c.used+n) > size {
		size *= 2
	}
	old := c.slots
	c.slots, c.used = hugePages(make([]countSlot, size)), 0

	for i := range old {
		if s := &old[i]; s.k1 != 0 {
			c.slot(s.k0, s.k1).n = s.n
		}
	}
}

// merge adds the counts of another. It walks the other's table in strides: in
// slot order, words of equal hash would pile up in this one.
func (c *wordCounter) merge(o *wordCounter) {
	mask := len(o.slots) - 1
	for i := range o.slots {
		if s := &o.slots[i*0x9E3779B1&mask]; s.k1 != 0 {
			c.reserve(1)
			c.slot(s.k0, s.k1).n += s.n
		}
	}
	for word, n := range o.long {
		c.addWord(word, *n)
	}
}

// distinct returns how many words there are.
func (c *wordCounter) distinct() int { return c.used + len(c.long) }

// words are distinct pieces and how often each occurs, in one fixed order.
type words struct {
	text string  // all of them, one after the other
	ends []int32 // where each ends
	n    []int64
}

func (w *words) at(i int) string {
	if i == 0 {
		return w.text[:w.ends[0]]
	}
	return w.text[w.ends[i-1]:w.ends[i]]
}

// words returns what was counted, in the order of the bytes, so that it does not
// depend on how the work was split.
func (c *wordCounter) words() *words {
	type key struct {
		k0, k1 uint64 // big-endian, so that they compare as bytes do
		n      int64
	}
	short := make([]key, 0, c.used)
	size := 0
	for i := range c.slots {
		if s := &c.slots[i]; s.k1 != 0 {
			short = append(short, key{bits.ReverseBytes64(s.k0), bits.ReverseBytes64(s.k1), s.n})
			size += int(s.k1 >> 60)
		}
	}
	slices.SortFunc(short, func(a, b key) int {
		switch {
		case a.k0 != b.k0:
			if a.k0 < b.k0 {
				return -1
			}
			return 1
		case a.k1 < b.k1:
			return -1
		}
		return 1
	})
	long := make([]string, 0, len(c.long))
	for word := range c.long {
		long = append(long, word)
		size += len(word)
	}
	slices.Sort(long)
	var b strings.Builder
	b.Grow(size)
	w := &words{ends: make([]int32, 0, len(short)+len(long)), n: make([]int64, 0, len(short)+len(long))}
	for _, k := range short {
		var t [16]byte
		binary.BigEndian.PutUint64(t[:], k.k0)
		binary.BigEndian.PutUint64(t[8:], k.k1)
		b.Write(t[:t[15]>>4])
		w.ends, w.n = append(w.ends, int32(b.Len())), append(w.n, k.n)
	}
	for _, word := range long {
		b.WriteString(word)
		w.ends, w.n = append(w.ends, int32(b.Len())), append(w.n, *c.long[word])
	}
	w.text = b.String()
	return w
}

// prune forgets the rarest words until at most most are left; of equally rare
// ones all go. It returns the words and the occurrences forgotten.
func (c *wordCounter) prune(most int) (lost, times int64) {
	if c.distinct() <= most {
		return 0, 0
	}
	counts := make([]int64, 0, c.distinct())
	for i := range c.slots {
		if s := &c.slots[i]; s.k1 != 0 {
			counts = append(counts, s.n)
		}
	}
	for _, n := range c.long {
		counts = append(counts, *n)
	}
	slices.Sort(counts)
	limit := counts[len(counts)-most-1]
	for _, n := range counts {
		if n > limit {
			break
		}
		lost++
		times += n
	}
	old := c.slots
	c.slots, c.used = make([]countSlot, len(old)), 0
	for i := range old {
		if s := &old[i]; s.k1 != 0 && s.n > limit {
			c.slot(s.k0, s.k1).n = s.n
		}
	}
	for word, n := range c.long {
		if *n <= limit {
			delete(c.long, word)
		}
	}
	return lost, times
}
