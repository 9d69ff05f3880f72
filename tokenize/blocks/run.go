package blocks

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sort"

	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// Rows are shuffled as a sort: each gets a random key where it is made, and the
// order of the output is the order of the keys. So the result does not depend
// on how the sort is carried out, and it is a uniform permutation. A run holds
// what one task made, in segments that are sorted and fit in memory:
//
//	run      segment segment …
//	segment  rows uint32, bytes uint32, keys rows × uint64 (ascending),
//	         ends rows × uint32, then the rows one after another
//	row      starts uint32, starts × uint32, ids × uint16 or uint32
//
// A range of keys is then a slice of every segment, found by bisection, and one
// task writes one file of the output from it: memory is bounded by a segment
// and by a file, however large the corpus.
const segmentBytes = 16 << 20

type keyed struct {
	key uint64
	block
}

// A runWriter collects rows into segments.
type runWriter struct {
	w     io.Writer
	width int
	limit int
	open  []keyed
	bytes int
	raw   []byte
}

// add takes a copy of the block.
func (w *runWriter) add(key uint64, b block) error {
	both := make([]int32, 0, len(b.ids)+len(b.starts))
	both = append(append(both, b.ids...), b.starts...)
	w.open = append(w.open, keyed{key, block{ids: both[:len(b.ids)], starts: both[len(b.ids):]}})
	w.bytes += 64 + 4*len(both)
	if w.bytes < w.limit {
		return nil
	}
	return w.flush()
}

// flush writes the open segment.
func (w *runWriter) flush() error {
	if len(w.open) == 0 {
		return nil
	}
	slices.SortStableFunc(w.open, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
	head := make([]byte, 8, 8+12*len(w.open))
	for _, r := range w.open {
		head = binary.LittleEndian.AppendUint64(head, r.key)
	}
	raw := w.raw[:0]
	for _, r := range w.open {
		raw = binary.LittleEndian.AppendUint32(raw, uint32(len(r.starts)))
		for _, s := range r.starts {
			raw = binary.LittleEndian.AppendUint32(raw, uint32(s))
		}
		for _, id := range r.ids {
			if w.width == 2 {
				raw = binary.LittleEndian.AppendUint16(raw, uint16(id))
			} else {
				raw = binary.LittleEndian.AppendUint32(raw, uint32(id))
			}
		}
		head = binary.LittleEndian.AppendUint32(head, uint32(len(raw)))
	}
	if len(raw) > math.MaxUint32 {
		return errors.New("a segment of more than 4 GiB: the context is too long")
	}
	binary.LittleEndian.PutUint32(head, uint32(len(w.open)))
	binary.LittleEndian.PutUint32(head[4:], uint32(len(raw)))
	if _, err := w.w.Write(head); err != nil {
		return err
	}
	_, err := w.w.Write(raw)
	w.raw = raw[:0]
	clear(w.open)
	w.open, w.bytes = w.open[:0], 0
	return err
}

// readRun appends the rows of a run whose keys lie in [lo, hi], in the order of
// its segments.
func readRun(path string, width int, lo, hi uint64, rows []keyed) ([]keyed, error) {
	f, err := store.Open(context.Background(), path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size := f.Info().Size
	for at := int64(0); at < size; {
		s := segment{f: f, at: at, width: width}
		if rows, err = s.rows(lo, hi, size, rows); err != nil {
			return nil, &fault.RowError{File: path, Row: -1, Err: fmt.Errorf("segment at byte %d: %w", at, err)}
		}
		at = s.end
	}
	return rows, nil
}

type segment struct {
	f       io.ReaderAt
	at, end int64
	width   int
}

func (s *segment) rows(lo, hi uint64, size int64, out []keyed) ([]keyed, error) {
	var head [8]byte
	if _, err := s.f.ReadAt(head[:], s.at); err != nil {
		return nil, err
	}
	n, bytes := int64(binary.LittleEndian.Uint32(head[:])), int64(binary.LittleEndian.Uint32(head[4:]))
	keys, ends, data := s.at+8, s.at+8+8*n, s.at+8+12*n
	if s.end = data + bytes; s.end > size {
		return nil, io.ErrUnexpectedEOF
	}
	var failed error
	find := func(above func(key uint64) bool) int64 {
		return int64(sort.Search(int(n), func(i int) bool {
			var b [8]byte
			if _, err := s.f.ReadAt(b[:], keys+8*int64(i)); err != nil {
				failed = err
			}
			return above(binary.LittleEndian.Uint64(b[:]))
		}))
	}
	from, to := find(func(k uint64) bool { return k >= lo }), find(func(k uint64) bool { return k > hi })
	if failed != nil || from >= to {
		return out, failed
	}
	kb, eb := make([]byte, 8*(to-from)), make([]byte, 4*(to-from+1))
	if _, err := s.f.ReadAt(kb, keys+8*from); err != nil {
		return nil, err
	}
	if from == 0 { // the first row begins where no other ends
		if _, err := s.f.ReadAt(eb[4:], ends); err != nil {
			return nil, err
		}
	} else if _, err := s.f.ReadAt(eb, ends+4*(from-1)); err != nil {
		return nil, err
	}
	end := func(i int64) int64 { return int64(binary.LittleEndian.Uint32(eb[4*i:])) }
	first, last := end(0), end(to-from)
	if first > last || last > bytes {
		return nil, errors.New("damaged")
	}
	raw := make([]byte, last-first)
	if _, err := s.f.ReadAt(raw, data+first); err != nil {
		return nil, err
	}
	for i := range to - from {
		a, b := end(i)-first, end(i+1)-first
		if a < 0 || a+4 > b || b > int64(len(raw)) {
			return nil, errors.New("damaged")
		}
		row, err := decodeRow(raw[a:b], s.width)
		if err != nil {
			return nil, err
		}
		out = append(out, keyed{binary.LittleEndian.Uint64(kb[8*i:]), row})
	}
	return out, nil
}

func decodeRow(raw []byte, width int) (block, error) {
	starts := int64(binary.LittleEndian.Uint32(raw))
	if raw = raw[4:]; 4*starts > int64(len(raw)) {
		return block{}, errors.New("damaged")
	}
	n := int(starts)
	both := make([]int32, n+(len(raw)-4*n)/width)
	for i := range both[:n] {
		both[i] = int32(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	raw = raw[4*n:]
	for i := range both[n:] {
		if width == 2 {
			both[n+i] = int32(binary.LittleEndian.Uint16(raw[2*i:]))
		} else {
			both[n+i] = int32(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	}
	return block{starts: both[:n:n], ids: both[n:]}, nil
}

// createRun opens a run for writing in a task's own folder, which the engine
// makes durable. done flushes and closes it.
func createRun(path string, width int) (w *runWriter, done func() error, err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, nil, err
	}
	b := bufio.NewWriterSize(f, 1<<18)
	w = &runWriter{w: b, width: width, limit: segmentBytes}
	return w, func() error {
		err := w.flush()
		return errors.Join(err, b.Flush(), f.Close())
	}, nil
}
