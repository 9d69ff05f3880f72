package tokenize

import (
	"encoding/binary"
	"slices"
	"strings"
)

// A wordCounter counts distinct pieces. Text is few words over and over, so a
// corpus shrinks to its distinct pieces and their counts, and training sees no
// more than these. Short words are their own key, as in wordCache; those just
// seen wait in a small table that fits the cache.
type wordCounter struct {
	slots []countSlot
	used  int
	long  map[string]*int64
	hot   [1 << 12]countSlot
}

type countSlot struct {
	k0, k1 uint64 // k1's top byte is the length; 0: free
	n      int64
}

func newWordCounter() *wordCounter {
	return &wordCounter{slots: make([]countSlot, 1<<12), long: map[string]*int64{}}
}

// add counts the pieces of a text once.
func (c *wordCounter) add(p *Pattern, text string) {
	if p.re != nil {
		for _, s := range splitRegex(p.re, text) {
			c.addWord(text[s.start:s.end], 1)
		}
		return
	}
	b := asBytes(text)
	for i := 0; i < len(b); {
		j := p.next(b, i)
		if j-i > wordMax {
			c.addWord(text[i:j], 1)
			i = j
			continue
		}
		k0, k1 := wordKey(b, i, j)
		h := &c.hot[wordHash(k0, k1)%uint64(len(c.hot))]
		if h.k0 == k0 && h.k1 == k1 {
			h.n++
		} else {
			if h.k1 != 0 {
				c.addKey(h.k0, h.k1, h.n)
			}
			*h = countSlot{k0, k1, 1}
		}
		i = j
	}
}

// addWord counts a word n times.
func (c *wordCounter) addWord(word string, n int64) {
	if word == "" {
		return
	}
	if len(word) <= wordMax {
		k0, k1 := wordKey(asBytes(word), 0, len(word))
		c.addKey(k0, k1, n)
		return
	}
	if p, ok := c.long[word]; ok {
		*p += n
		return
	}
	c.long[strings.Clone(word)] = &n
}

func (c *wordCounter) addKey(k0, k1 uint64, n int64) {
	mask := uint64(len(c.slots) - 1)
	for h := wordHash(k0, k1); ; h++ {
		s := &c.slots[h&mask]
		if s.k0 == k0 && s.k1 == k1 {
			s.n += n
			return
		}
		if s.k1 == 0 {
			*s = countSlot{k0, k1, n}
			if c.used++; 2*c.used > len(c.slots) {
				old := c.slots
				c.slots, c.used = make([]countSlot, 4*len(old)), 0
				for i := range old {
					if old[i].k1 != 0 {
						c.addKey(old[i].k0, old[i].k1, old[i].n)
					}
				}
			}
			return
		}
	}
}

// settle empties the small table into the large one.
func (c *wordCounter) settle() {
	for i := range c.hot {
		if h := &c.hot[i]; h.k1 != 0 {
			c.addKey(h.k0, h.k1, h.n)
			*h = countSlot{}
		}
	}
}

// merge adds the counts of another. It walks the other's table in strides: in
// slot order, words of equal hash would pile up in this one.
func (c *wordCounter) merge(o *wordCounter) {
	o.settle()
	mask := len(o.slots) - 1
	for i := range o.slots {
		if s := &o.slots[i*0x9E3779B1&mask]; s.k1 != 0 {
			c.addKey(s.k0, s.k1, s.n)
		}
	}
	for word, n := range o.long {
		c.addWord(word, *n)
	}
}

// distinct returns how many words there are.
func (c *wordCounter) distinct() int { c.settle(); return c.used + len(c.long) }

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
	c.settle()
	type key struct {
		k0, k1 uint64 // big-endian, so that they compare as bytes do
		n      int64
	}
	short := make([]key, 0, c.used)
	size := 0
	for i := range c.slots {
		if s := &c.slots[i]; s.k1 != 0 {
			var t [16]byte
			binary.LittleEndian.PutUint64(t[:], s.k0)
			binary.LittleEndian.PutUint64(t[8:], s.k1)
			short = append(short, key{binary.BigEndian.Uint64(t[:]), binary.BigEndian.Uint64(t[8:]), s.n})
			size += int(t[15])
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
		b.Write(t[:t[15]])
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
	for limit := int64(1); c.distinct() > most; limit++ {
		old := c.slots
		c.slots, c.used = make([]countSlot, len(old)), 0
		for i := range old {
			switch s := &old[i]; {
			case s.k1 == 0:
			case s.n > limit:
				c.addKey(s.k0, s.k1, s.n)
			default:
				lost++
				times += s.n
			}
		}
		for word, n := range c.long {
			if *n <= limit {
				lost++
				times += *n
				delete(c.long, word)
			}
		}
	}
	return lost, times
}
