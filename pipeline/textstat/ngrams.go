package textstat

import (
	"sync"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

// NGrams says how much of a text stands in n-grams of tokens that come back
// (Rae et al. 2021, arXiv 2112.11446, table A1): shares of the text's code points.
type NGrams struct {
	Top       [5]float64  // of n = 2 to 4: in all copies of the most frequent n-gram
	Duplicate [11]float64 // of n = 5 to 10: in n-grams that stood before
}

// MeasureNGrams measures a text by its tokens. Overlapping copies are counted as
// datatrove counts them: Top counts each, with the spaces between tokens, and
// Duplicate goes on behind a copy. An n-gram must come atLeast times to be a top.
// n-grams are compared by 64-bit hashes. Memory: 40 bytes a token.
func MeasureNGrams(text string, tokens []string, atLeast int) (r NGrams) {
	length := float64(max(utf8.RuneCountInString(text), 1))
	s := ngramScratch.Get().(*ngrams)
	defer ngramScratch.Put(s)
	s.read(tokens)
	for n := 2; n <= 4; n++ {
		r.Top[n] = float64(s.top(n, atLeast)) / length
	}
	for n := 5; n <= 10; n++ {
		if r.Duplicate[n] = float64(s.duplicate(n)) / length; r.Duplicate[n] == 0 {
			break // what holds no copy of 5 tokens holds none of 6
		}
	}
	return r
}

var ngramScratch = sync.Pool{New: func() any { return new(ngrams) }}

// ngrams holds the tokens of a text as sums, from which the hash and length of
// any n-gram follow by subtraction.
type ngrams struct {
	hash    []uint64 // of the first i tokens: a polynomial in base, modulo 2^64
	length  []int    // code points of the first i tokens
	slots   []slot   // open addressing, of a power of two
	touched []uint32 // slots in use
}

type slot struct {
	hash  uint64 // 0: free
	count uint32
}

const base = 0x9E3779B97F4A7C15

func (s *ngrams) read(tokens []string) {
	s.hash, s.length = append(s.hash[:0], 0), append(s.length[:0], 0)
	for i, t := range tokens {
		s.hash = append(s.hash, s.hash[i]*base+xxh3.HashString(t))
		s.length = append(s.length, s.length[i]+utf8.RuneCountInString(t))
	}
	size := 1024
	for size < 2*len(tokens) {
		size *= 2
	}
	if size != len(s.slots) {
		s.slots, s.touched = make([]slot, size), nil
	}
}

// find returns the slot of an n-gram, which is free if it is new.
func (s *ngrams) find(i, n int, power uint64) *slot {
	h := s.hash[i+n] - s.hash[i]*power
	h ^= h >> 32
	h = h*0xD6E8FEB86659FD93 | 1
	mask := uint64(len(s.slots) - 1)
	for at := h >> 20 & mask; ; at = (at + 1) & mask {
		if p := &s.slots[at]; p.hash == h || p.hash == 0 {
			if p.hash == 0 {
				p.hash = h
				s.touched = append(s.touched, uint32(at))
			}
			return p
		}
	}
}

func (s *ngrams) clear() {
	for _, at := range s.touched {
		s.slots[at] = slot{}
	}
	s.touched = s.touched[:0]
}

func power(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= base
	}
	return p
}

// top returns the code points of all copies of the most frequent n-gram, the
// first seen of those that are equally frequent.
func (s *ngrams) top(n, atLeast int) int {
	defer s.clear()
	tokens, p := len(s.hash)-1, power(n)
	for i := 0; i+n <= tokens; i++ {
		s.find(i, n, p).count++
	}
	best := uint32(0)
	for _, at := range s.touched {
		best = max(best, s.slots[at].count)
	}
	if best == 0 || int(best) < atLeast {
		return 0
	}
	for i := 0; i+n <= tokens; i++ {
		if s.find(i, n, p).count == best {
			return (s.length[i+n] - s.length[i] + n - 1) * int(best)
		}
	}
	return 0
}

// duplicate returns the code points of n-grams that stood before.
func (s *ngrams) duplicate(n int) (chars int) {
	defer s.clear()
	tokens, p := len(s.hash)-1, power(n)
	for i := 0; i+n <= tokens; {
		if f := s.find(i, n, p); f.count > 0 {
			chars += s.length[i+n] - s.length[i]
			i += n
		} else {
			f.count = 1
			i++
		}
	}
	return chars
}
