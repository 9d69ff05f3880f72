package minhash

import (
	"bufio"
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
)

// A Record is a value of fixed size with an order. Records that compare as equal should be equal in all parts, so
// that the order of a sorted file does not depend on the order in which they came.
type Record[T any] interface {
	Size() int     // bytes of Put; the same for all values
	Put([]byte)    // writes the record
	Get([]byte) T  // reads what Put wrote; the receiver does not matter
	Compare(T) int // < 0: before the other
}

// A Sorter sorts records that need not fit in memory: it holds at most Limit of them, and writes sorted runs into
// files of Dir (external merge sort; Knuth, The Art of Computer Programming, 5.4).
type Sorter[T Record[T]] struct {
	Dir   string
	Limit int
	buf   []T
	runs  []string
}

// DefaultLimit is how many records a Sorter holds unless told otherwise.
const DefaultLimit = 1 << 20

func (s *Sorter[T]) limit() int { return cmp.Or(s.Limit, DefaultLimit) }

// Add takes in a record.
func (s *Sorter[T]) Add(r T) error {
	if len(s.buf) == s.limit() {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.buf = append(s.buf, r)
	return nil
}

func (s *Sorter[T]) sort() { slices.SortFunc(s.buf, func(a, b T) int { return a.Compare(b) }) }

// spill writes what is held into a run.
func (s *Sorter[T]) spill() error {
	s.sort()
	name := filepath.Join(s.Dir, fmt.Sprintf("run-%06d", len(s.runs)))
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	s.runs = append(s.runs, name)
	err = WriteRecords(f, slices.Values(s.buf))
	s.buf = s.buf[:0]
	return errors.Join(err, f.Close())
}

// All yields the records in order, and forgets them.
func (s *Sorter[T]) All() iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		defer s.Clear()
		if len(s.runs) == 0 {
			s.sort()
			for _, r := range s.buf {
				if !yield(r, nil) {
					return
				}
			}
			return
		}
		if err := s.merge(yield); err != nil {
			yield(*new(T), err)
		}
	}
}

// merge yields the records of all runs in order.
func (s *Sorter[T]) merge(yield func(T, error) bool) error {
	if err := s.spill(); err != nil {
		return err
	}
	s.buf = nil
	var h runHeap[T]
	for _, name := range s.runs {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		r := &reader[T]{from: bufio.NewReaderSize(f, 1<<15)}
		switch err := r.next(); err {
		case nil:
			h = append(h, r)
		case io.EOF:
		default:
			return err
		}
	}
	heap.Init(&h)
	for len(h) > 0 {
		if !yield(h[0].record, nil) {
			return nil
		}
		switch err := h[0].next(); err {
		case nil:
			heap.Fix(&h, 0)
		case io.EOF:
			heap.Pop(&h)
		default:
			return err
		}
	}
	return nil
}

// Clear removes the runs.
func (s *Sorter[T]) Clear() {
	for _, name := range s.runs {
		os.Remove(name)
	}
	s.buf, s.runs = s.buf[:0], nil
}

// WriteRecords writes records one after another.
func WriteRecords[T Record[T]](to io.Writer, records iter.Seq[T]) error {
	w := bufio.NewWriterSize(to, 1<<16)
	b := make([]byte, (*new(T)).Size())
	for r := range records {
		r.Put(b)
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return w.Flush()
}

// ReadRecords reads what WriteRecords wrote.
func ReadRecords[T Record[T]](from io.Reader) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for r := (&reader[T]{from: bufio.NewReaderSize(from, 1<<16)}); ; {
			err := r.next()
			if err == io.EOF || !yield(r.record, err) || err != nil {
				return
			}
		}
	}
}

// SearchRecords returns the number of the first record of a sorted file at which after says true.
func SearchRecords[T Record[T]](file io.ReaderAt, n int, after func(T) bool) (int, error) {
	b := make([]byte, (*new(T)).Size())
	low, high := 0, n
	for low < high {
		mid := int(uint(low+high) >> 1)
		if _, err := file.ReadAt(b, int64(mid)*int64(len(b))); err != nil {
			return 0, err
		}
		if after((*new(T)).Get(b)) {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low, nil
}

// A reader holds the next record of a run.
type reader[T Record[T]] struct {
	from   io.Reader
	record T
	buf    []byte
}

// next reads a record; io.EOF comes after the last.
func (r *reader[T]) next() error {
	if r.buf == nil {
		r.buf = make([]byte, r.record.Size())
	}
	if _, err := io.ReadFull(r.from, r.buf); err != nil {
		return err
	}
	r.record = r.record.Get(r.buf)
	return nil
}

type runHeap[T Record[T]] []*reader[T]

func (h runHeap[T]) Len() int           { return len(h) }
func (h runHeap[T]) Less(i, j int) bool { return h[i].record.Compare(h[j].record) < 0 }
func (h runHeap[T]) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *runHeap[T]) Push(x any)        { *h = append(*h, x.(*reader[T])) }
func (h *runHeap[T]) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
