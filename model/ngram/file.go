package ngram

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"os"
)

// A model's file, little-endian:
//
//	"FRAGUANG"            what it is
//	version, order, vocab, end                      uint32 each
//	tokens                                          uint64
//	orders with fallback                            uint32, a bit each
//	discounts             order × 3 × float64
//	nodes                 order × uint32
//	level 1 … order       ids, logp, logb, first: those that the level has
//	checksum              CRC-32C of all before
const (
	fileMagic   = "FRAGUANG"
	fileVersion = 1
	fileHead    = 8 + 4*4 + 8 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Write writes the model. The same model gives the same bytes.
func (m *Model) Write(w io.Writer) error {
	sum := crc32.New(castagnoli)
	b := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<16)
	head := append([]byte(nil), fileMagic...)
	for _, v := range []uint32{fileVersion, uint32(m.order), uint32(m.vocab), uint32(m.end)} {
		head = binary.LittleEndian.AppendUint32(head, v)
	}
	head = binary.LittleEndian.AppendUint64(head, uint64(m.Tokens))
	bits := uint32(0)
	for _, k := range m.Fallback {
		bits |= 1 << k
	}
	head = binary.LittleEndian.AppendUint32(head, bits)
	for _, d := range m.Discounts {
		for _, x := range d {
			head = binary.LittleEndian.AppendUint64(head, math.Float64bits(x))
		}
	}
	for _, l := range m.levels {
		head = binary.LittleEndian.AppendUint32(head, uint32(len(l.logp)))
	}
	b.Write(head)
	for _, l := range m.levels {
		writeInts(b, l.ids)
		writeFloats(b, l.logp)
		writeFloats(b, l.logb)
		writeInts(b, l.first)
	}
	if err := b.Flush(); err != nil { // tells of every write before it
		return err
	}
	_, err := w.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
	return err
}

func writeInts(w *bufio.Writer, v []uint32) {
	for _, x := range v {
		w.Write(binary.LittleEndian.AppendUint32(w.AvailableBuffer(), x))
	}
}

func writeFloats(w *bufio.Writer, v []float32) {
	for _, x := range v {
		w.Write(binary.LittleEndian.AppendUint32(w.AvailableBuffer(), math.Float32bits(x)))
	}
}

// Open reads a model's file.
func Open(path string) (*Model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	m, err := Read(f, st.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Read is Open for size bytes that lie elsewhere. Whatever they are, the result
// is an error or a model that can be asked.
func Read(r io.Reader, size int64) (*Model, error) {
	in := &source{r: bufio.NewReaderSize(r, 1<<16), left: size, sum: crc32.New(castagnoli)}
	head := in.take(fileHead)
	if in.err != nil || string(head[:8]) != fileMagic {
		return nil, errors.New("not an n-gram model")
	}
	u32 := func(i int) uint32 { return binary.LittleEndian.Uint32(head[8+4*i:]) }
	order, vocab, end := u32(1), u32(2), u32(3)
	switch {
	case u32(0) != fileVersion:
		return nil, fmt.Errorf("version %d, this program reads %d: train it again", u32(0), fileVersion)
	case order < 1 || order > MaxOrder || vocab < 1 || vocab >= math.MaxInt32 || end >= vocab:
		return nil, fmt.Errorf("damaged: order %d, vocabulary %d, end %d", order, vocab, end)
	}
	m := &Model{order: int(order), vocab: int(vocab), end: int32(end), Tokens: int64(binary.LittleEndian.Uint64(head[24:]))}
	for k := 1; k <= m.order; k++ {
		if u32(6)>>k&1 != 0 {
			m.Fallback = append(m.Fallback, k)
		}
		d, b := Discounts{}, in.take(24)
		for i := range d {
			d[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
		}
		m.Discounts = append(m.Discounts, d)
	}
	sizes := in.ints(int64(order))
	if in.err != nil {
		return nil, in.err
	}
	if sizes[0] != vocab+1 {
		return nil, fmt.Errorf("damaged: %d unigrams for a vocabulary of %d", sizes[0], vocab)
	}
	for k, n := range sizes {
		var l trie
		if k > 0 {
			l.ids = in.ints(int64(n))
		}
		l.logp = in.floats(int64(n))
		if k < m.order-1 {
			l.logb = in.floats(int64(n))
			l.first = in.ints(int64(n) + 1)
		}
		m.levels = append(m.levels, l)
	}
	if in.err != nil {
		return nil, in.err
	}
	want := in.sum.Sum32()
	if got := in.take(4); in.err != nil || binary.LittleEndian.Uint32(got) != want || in.left != 0 {
		return nil, errors.New("damaged: its checksum does not fit its content")
	}
	return m, m.check()
}

// check holds the trie to its order, so that no search can leave it.
func (m *Model) check() error {
	for k, l := range m.levels {
		for i, p := range l.logp {
			if !(p <= 1e-6) || math.IsInf(float64(p), 0) || l.logb != nil && (l.logb[i] != l.logb[i] || math.IsInf(float64(l.logb[i]), 0)) {
				return fmt.Errorf("damaged: level %d: node %d has no probability", k+1, i)
			}
		}
		if k == m.order-1 {
			break
		}
		next := m.levels[k+1].ids
		if l.first[0] != 0 || int(l.first[len(l.first)-1]) != len(next) {
			return fmt.Errorf("damaged: level %d does not cover the next", k+1)
		}
		for i := range l.logp {
			from, to := l.first[i], l.first[i+1]
			if from > to || int(to) > len(next) {
				return fmt.Errorf("damaged: level %d: node %d has children %d to %d", k+1, i, from, to)
			}
			for j := from; j < to; j++ {
				if int(next[j]) >= m.vocab || j > from && next[j] <= next[j-1] {
					return fmt.Errorf("damaged: level %d: ids are out of order", k+2)
				}
			}
		}
	}
	return nil
}

// A source reads no more than there is, and remembers the first error.
type source struct {
	r    io.Reader
	left int64
	sum  hash.Hash32
	err  error
}

// take returns the next n bytes, or n zeros.
func (s *source) take(n int64) []byte {
	if s.err == nil && n > s.left {
		s.err = fmt.Errorf("cut short: %d more bytes expected, %d there", n, s.left)
	}
	if s.err != nil {
		return make([]byte, min(n, fileHead))
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(s.r, b); err != nil {
		s.err = err
		return b
	}
	s.left -= n
	s.sum.Write(b)
	return b
}

func (s *source) ints(n int64) []uint32 {
	if s.err == nil && 4*n > s.left {
		s.err = fmt.Errorf("cut short: %d more bytes expected, %d there", 4*n, s.left)
	}
	if s.err != nil {
		return nil
	}
	v := make([]uint32, 0, n)
	for len(v) < int(n) && s.err == nil {
		b := s.take(4 * min(n-int64(len(v)), 1<<14))
		for ; len(b) >= 4; b = b[4:] {
			v = append(v, binary.LittleEndian.Uint32(b))
		}
	}
	return v
}

func (s *source) floats(n int64) []float32 {
	bits := s.ints(n)
	v := make([]float32, len(bits))
	for i, x := range bits {
		v[i] = math.Float32frombits(x)
	}
	return v
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
