package tokenize

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unsafe"
)

// byteBPE encodes by byte-pair encoding on bytes.
type byteBPE struct {
	pattern *Pattern
	pairs   pairTable
	ofByte  [256]int32       // -1: no token, the byte is lost
	whole   map[string]int32 // pieces that are tokens need no merges; nil: they do
}

// lossy says whether there are bytes without a token.
func (e *byteBPE) lossy() bool { return slices.Contains(e.ofByte[:], -1) }

// A state is what one goroutine needs to encode.
type state struct {
	cache *wordCache
	merger
	ids []int32
}

// window is how many bytes are encoded between two looks at dst's capacity.
const window = 1 << 14

// asBytes lends the bytes of a string; nobody may write to them.
func asBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// piece appends the ids of one piece, without the cache.
func (e *byteBPE) piece(dst []int32, st *state, piece []byte) []int32 {
	if e.whole != nil {
		if id, ok := e.whole[string(piece)]; ok {
			return append(dst, id)
		}
	}
	ids := st.ids[:0]
	for _, c := range piece {
		if id := e.ofByte[c]; id >= 0 {
			ids = append(ids, id)
		}
	}
	st.ids = ids
	return append(dst, e.pairs.merge(ids, &st.merger)...)
}

// cached appends the ids of one piece of any length.
func (e *byteBPE) cached(dst []int32, st *state, b []byte, i, j int) []int32 {
	c := st.cache
	if j-i > wordMax {
		if ids, ok := c.long[string(b[i:j])]; ok {
			return append(dst, ids...)
		}
		n := len(dst)
		dst = e.piece(dst, st, b[i:j])
		c.keep(b[i:j], dst[n:])
		return dst
	}
	k0, k1 := wordKey(b, i, j)
	mask := uint64(len(c.slots) - 1)
	for h := wordHash(k0, k1); ; h++ {
		s := &c.slots[h&mask]
		if s.k0 == k0 && s.k1 == k1 {
			if int(s.n) <= len(s.ids) {
				return append(dst, s.ids[:s.n]...)
			}
			return append(dst, c.arena[s.ids[0]:s.ids[0]+s.n]...)
		}
		if s.k1 == 0 {
			n := len(dst)
			dst = e.piece(dst, st, b[i:j])
			c.fill(s, k0, k1, dst[n:])
			return dst
		}
	}
}

// append appends the ids of a text. It defines what fast does quickly.
func (e *byteBPE) append(dst []int32, st *state, b []byte) []int32 {
	for i := 0; i < len(b); {
		j := e.pattern.next(b, i)
		dst = e.cached(dst, st, b, i, j)
		i = j
	}
	return dst
}

// fast is append with the cut of what is most frequent, its key and the look into
// the cache in one loop.
func (e *byteBPE) fast(dst []int32, st *state, b []byte) []int32 {
	c := st.cache
	next, word := e.pattern.next, e.pattern.word
	i := 0
	for i < len(b) {
		stop := min(i+window, len(b))
		dst = slices.Grow(dst, stop-i+2*wordMax)
		out := dst[:cap(dst)]
		o := len(dst)
		slots := c.slots
		mask := uint64(len(slots) - 1)
		for i < stop {
			var j int
			var k0, k1 uint64
			if i+16 <= len(b) && word != noWord {
				x := binary.LittleEndian.Uint64(b[i:])
				if alone[byte(x)]&after[byte(x>>8)] != 0 {
					if id := e.ofByte[byte(x)]; id >= 0 {
						out[o] = id
						o++
					}
					i++
					continue
				}
				// Without a branch: text is half words with a space before them.
				lead := int((x&0xFF ^ ' ' - 1) >> 63)
				y := x>>(8*lead&63) | uint64(b[i+8])<<56&-uint64(lead)
				// The word ends at the first byte that is no letter; that byte
				// must be ASCII, or it could be one after all.
				ends := notLetters(y)
				at := bits.TrailingZeros64(ends)
				if at > 7 {
					if at < 64 && y>>(at&63)&1 == 0 && (word == plainWord || cased(y, at)) {
						n := at>>3 + lead
						j, k0, k1 = i+n, x&wordMask[n&15], uint64(n)<<56
						goto look
					}
					if word == plainWord {
						j = letters(b, i+lead+at>>3)
						goto cut
					}
				}
			}
			j = next(b, i)
		cut:
			if j-i > wordMax {
				dst = e.cached(dst[:o], st, b, i, j)
				i = j
				goto again
			}
			k0, k1 = wordKey(b, i, j)
		look:
			for h := wordHash(k0, k1); ; h++ {
				s := &slots[h&mask]
				if s.k0 == k0 && s.k1 == k1 {
					if int(s.n) <= len(s.ids) {
						*(*[3]int32)(out[o:]) = s.ids
						o += int(s.n)
					} else {
						o += copy(out[o:], c.arena[s.ids[0]:s.ids[0]+s.n])
					}
					break
				}
				if s.k1 == 0 {
					dst = e.piece(dst[:o], st, b[i:j])
					c.fill(s, k0, k1, dst[o:])
					i = j
					goto again
				}
			}
			i = j
			continue
		again: // dst may have moved, and the cache grown
			o = len(dst)
			dst = slices.Grow(dst, max(stop-i, 0)+2*wordMax)
			out = dst[:cap(dst)]
			slots = c.slots
			mask = uint64(len(slots) - 1)
		}
		dst = out[:o]
	}
	return dst
}

// cased says whether the letters below bit at of y are [A-Za-z][a-z]*, and what
// follows is no apostrophe.
func cased(y uint64, at int) bool {
	capitals := ^y & (0x20 * ones) >> 8 << 8 // bit 5 is clear in capitals; the first letter may be one
	return capitals&(1<<(at&^7&63)-1) == 0 && byte(y>>(at&^7&63)) != '\''
}

// Many pieces are one byte that the next byte sets apart in every pattern: ASCII
// punctuation before a space, a line end before what is neither white space nor
// a character of several bytes. A byte stands alone where alone & after != 0.
var alone, after = func() (alone, after [256]uint8) {
	for c := range 0x80 {
		switch asciiClass[c] {
		case other:
			alone[c], after[c] = 1, 2
		case upper, lower, number:
			after[c] = 2
		}
	}
	alone['\n'], after[' '] = 2, 1
	return alone, after
}()
