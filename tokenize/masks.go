package tokenize

import (
	"encoding/binary"
	"math/bits"
)

// blockSize is how many bytes of text are cut at once.
const blockSize = 64

// A cutter returns where pieces begin in the block of text at i, where one does:
// bit 0 is set. Places that depend on what is behind the block are left out, so
// whoever goes on does so at the last one, and asks the pattern's next if there
// is no other. There are at least blockSize bytes at i.
type cutter func(b []byte, i int) uint64

// Masks tell the classes of 64 bytes of text, one bit a byte, the first byte
// lowest. So neighbours are compared by shifts, and a rule of a pattern applies
// to all bytes at once (Langdale and Lemire, Parsing Gigabytes of JSON per
// Second, section 3.1).
type masks struct {
	letter uint64
	upper  uint64 // letters as well
	number uint64
	white  uint64 // all white space
	line   uint64 // \r \n, white as well
	space  uint64 // ' ', white as well
	quote  uint64 // apostrophes
	high   uint64 // bytes of 0x80 and more
}

// classifyPlain sets the classes of the ASCII bytes of text; it defines classify.
func classifyPlain(m *masks, text *[blockSize]byte) {
	*m = masks{}
	for i := 0; i < blockSize; i += 8 {
		x := binary.LittleEndian.Uint64(text[i:])
		put := func(mask *uint64, high uint64) { // gathers bit 7 of each byte
			*mask |= (high & highs) >> 7 * 0x0102040810204080 >> 56 << i
		}
		low := x &^ highs
		// from says where a byte is at least c; in bit 7, bytes above 0x7F left out
		from := func(y uint64, c uint64) uint64 { return (y + (0x80-c)*ones) &^ x }
		folded := low | 0x20*ones
		letter := from(folded, 'a') &^ from(folded, 'z'+1)
		put(&m.letter, letter)
		put(&m.upper, letter&^(x<<2))
		put(&m.number, from(low, '0')&^from(low, '9'+1))
		put(&m.line, from(low, '\r')&^from(low, '\r'+1)|from(low, '\n')&^from(low, '\n'+1))
		space := from(low, ' ') &^ from(low, ' '+1)
		put(&m.space, space)
		put(&m.white, from(low, '\t')&^from(low, '\r'+1)|space)
		put(&m.quote, from(low, '\'')&^from(low, '\''+1))
		put(&m.high, x)
	}
}

// wide is what a block's characters of several bytes need besides.
type wide struct {
	within uint64 // the bytes of the block that are classified: all before an end
	inner  uint64 // all bytes of a character but its first
	both   uint64 // letters without case, and marks behind letters
}

// end ends a block before the first bit of x.
func (w *wide) end(x uint64) { w.within &= x&-x - 1 }

// A wideRule says which characters of several bytes a pattern's masks can tell;
// at another the block ends.
type wideRule uint8

const (
	wideNumbers wideRule = 1 << iota // how many numbers there are does not matter
	wideCases                        // letters have case, and marks go with letters
)

// widen gives all bytes of characters of several bytes the character's class.
// White space of several bytes is too rare to be worth more than an end.
func (m *masks) widen(b []byte, i int, rule wideRule) wide {
	w := wide{within: ^uint64(0)}
	for high := m.high; high != 0; {
		p := bits.TrailingZeros64(high)
		k, n := multiClassAt(b, i+p)
		char := (uint64(1)<<n - 1) << p
		high &^= char
		w.inner |= char &^ (1 << p)
		switch {
		case k == lower:
			m.letter |= char
		case k == upper:
			m.letter |= char
			m.upper |= char
		case k == letter, k == mark && rule&wideCases != 0 && m.letter<<1>>p&1 != 0:
			m.letter |= char
			w.both |= char
		case k == number && rule&wideNumbers != 0:
			m.number |= char
		case k == other, k == mark && rule&wideCases == 0:
		default:
			w.end(1 << p)
			return w
		}
	}
	return w
}

// runs returns where runs of ones begin.
func runs(x uint64) uint64 { return x &^ (x << 1) }

// after returns the place behind the one character that begins at each bit of x.
func (w *wide) after(x uint64) uint64 {
	x <<= 1
	if w.inner == 0 {
		return x
	}
	return (w.inner+x&w.inner)&^w.inner | x&^w.inner
}

// through returns, for runs of ones in x that begin at bits of from, the places
// behind them.
func through(x, from uint64) uint64 { return (x + from) &^ x }
