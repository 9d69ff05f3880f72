package minhash

import (
	"iter"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// A Scanner turns texts into shingles. Its fields tell of the text that was read last.
type Scanner struct {
	N     int // words of a shingle
	Words int // words of the text
	Print Key // hash of all its words in their order

	ring      []uint64 // the last N words
	at        int      // where the next goes
	leaving   uint64   // wordK to the power N: what a word weighs when it leaves the shingle
	sum       uint64   // Σ word · wordK^age over the ring
	high, low uint64   // of Print
	batch     [1024]uint64
	filled    int
}

// NewScanner returns a Scanner of shingles of n words.
func NewScanner(n int) *Scanner { return &Scanner{N: n, ring: make([]uint64, n)} }

// Odd constants without a pattern: fractions of π, e and the golden ratio.
const (
	golden  = 0x9e3779b97f4a7c15
	letterK = 0x243f6a8885a308d3
	wordK   = 0xb7e151628aed2a6b
	printK  = 0x13198a2e03707345
)

// mix is the finalizer of MurmurHash3: each bit of x changes half of the result's.
func mix(x uint64) uint64 {
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// Shingles yields the hashes of every N words in a row, in the order of the text, in slices that are valid until
// the next. A text of fewer words has one shingle, of all its words; one without words has none. Words are folded:
// lower case, no accents; characters other than letters and numbers part them.
func (s *Scanner) Shingles(text string) iter.Seq[[]uint64] {
	return func(yield func([]uint64) bool) {
		s.start()
		word := uint64(golden)
		for i := 0; i < len(text); {
			f := foldASCII[text[i]]
			for f > elsewhere {
				word = (word + uint64(f)) * letterK
				if i++; i == len(text) {
					break
				}
				f = foldASCII[text[i]]
			}
			ends := true
			switch {
			case i == len(text):
			case f == separator:
				i++
			default:
				r, size := utf8.DecodeRuneInString(text[i:])
				g := fold(r)
				switch {
				case g == separator:
				case g == ignored:
					ends = false
				case g&alone == 0:
					word, ends = (word+uint64(g))*letterK, false
				case word == golden:
					word = (word + uint64(g)) * letterK
				default:
					size = 0 // the word before it ends first
				}
				i += size
			}
			if ends && word != golden {
				if s.word(mix(word)) && !yield(s.batch[:]) {
					return
				}
				word = golden
			}
		}
		if word != golden && s.word(mix(word)) && !yield(s.batch[:]) {
			return
		}
		s.Print = Key{mix(s.high), mix(s.low ^ uint64(s.Words))}
		if 0 < s.Words && s.Words < s.N {
			s.batch[0] = mix(s.sum)
			s.filled = 1
		}
		if s.filled > 0 {
			yield(s.batch[:s.filled])
		}
	}
}

func (s *Scanner) start() {
	clear(s.ring)
	s.leaving = 1
	for range s.N {
		s.leaving *= wordK
	}
	s.Words, s.at, s.filled, s.sum, s.high, s.low = 0, 0, 0, 0, 0, 0
}

// word takes in a word, and says whether the batch is full; it begins the next one then.
func (s *Scanner) word(w uint64) (full bool) {
	s.Words++
	s.high = bits.RotateLeft64((s.high^w)*printK, 29)
	s.low = bits.RotateLeft64((s.low+w)*wordK, 31)
	s.sum = s.sum*wordK + w - s.ring[s.at]*s.leaving
	s.ring[s.at] = w
	if s.at++; s.at == len(s.ring) {
		s.at = 0
	}
	if s.Words < s.N {
		return false
	}
	s.batch[s.filled] = mix(s.sum)
	if s.filled++; s.filled == len(s.batch) {
		s.filled = 0
		return true
	}
	return false
}

// Read reads a text for the sake of Words and Print.
func (s *Scanner) Read(text string) {
	for range s.Shingles(text) {
	}
}

// Set returns the different shingles of a text in ascending order: 8 bytes for each.
func (s *Scanner) Set(text string) []uint64 {
	var all []uint64
	for some := range s.Shingles(text) {
		all = append(all, some...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
