package train

import (
	"errors"
	"slices"

	"fragua/model"
	"fragua/tokenize/blocks"
)

// Rows is the split of a blocks directory: packed rows of context + 1 ids.
type Rows interface {
	Len() int
	Context() int
	// Row returns row i: its ids (it may use dst), the positions at which
	// documents start in it, and how many ids are not padding.
	Row(i int, dst []int32) (ids, starts []int32, length int, err error)
}

// fillRow writes row r of the batch from a block row:
//
//	ids      …  w  x  ⏎ │ A  b  c  ⏎ │ D  e  ·  ·       starts at A and D, length up to e
//	IDs         w  x  ⏎   A  b  c  ⏎   D  e  ·
//	Targets     x  ⏎  -   b  c  ⏎  -   e  -  -          -: no loss
//	Docs        0  0  0   1  1  1  1   2  2  -
//
// The first id of a document is no target: what stands before it is another
// text. Padding is none either.
func fillRow(b *model.Batch, r int, ids, starts []int32, length int) {
	at := r * b.T
	doc, next := int32(0), 0
	for t := range b.T {
		if next < len(starts) && int(starts[next]) == t {
			next++
			if t > 0 {
				doc++
			}
		}
		b.IDs[at+t], b.Targets[at+t], b.Docs[at+t] = 0, -1, -1
		if t >= length {
			continue
		}
		b.IDs[at+t], b.Docs[at+t] = ids[t], doc
		newText := next < len(starts) && int(starts[next]) == t+1
		if t+1 < length && !newText {
			b.Targets[at+t] = ids[t+1]
		}
	}
}

// resize gives the batch room for rows × context, keeping its memory.
func resize(b *model.Batch, rows, context int) {
	b.B, b.T = rows, context
	n := rows * context
	b.IDs = slices.Grow(b.IDs[:0], n)[:n]
	b.Targets = slices.Grow(b.Targets[:0], n)[:n]
	b.Docs = slices.Grow(b.Docs[:0], n)[:n]
}

// Shuffled gives the rows of a split in a new order each epoch. A batch may
// hold the end of one epoch and the beginning of the next.
type Shuffled struct {
	Rows Rows
	Size int // rows a batch
	Seed uint64

	epoch int // of order, counted from 1; 0: none yet
	order blocks.Permutation
	ids   []int32
}

// Batch implements Source.
func (s *Shuffled) Batch(n int64, b *model.Batch) error {
	length := int64(s.Rows.Len())
	if length == 0 {
		return errNoRows
	}
	resize(b, s.Size, s.Rows.Context())
	if s.ids == nil {
		s.ids = make([]int32, 0, 2*b.T+2) // a row and its starts
	}
	for r := range s.Size {
		i := n*int64(s.Size) + int64(r)
		if epoch := int(i / length); epoch+1 != s.epoch {
			s.epoch, s.order = epoch+1, blocks.NewPermutation(int(length), epoch, s.Seed)
		}
		ids, starts, filled, err := s.Rows.Row(s.order.At(int(i%length)), s.ids[:0])
		if err != nil {
			return err
		}
		fillRow(b, r, ids, starts, filled)
	}
	return nil
}

// Stream gives the rows of a split in the order of the text, for models that
// carry a state from batch to batch. It cuts the split into as many lanes as a
// batch has rows; row r of batch n is the n-th of lane r, and each epoch begins
// with a fresh state. What does not fill a lane, less than a row a lane, is left
// out.
type Stream struct {
	Rows Rows
	Size int // lanes

	ids []int32
}

// Batch implements Source.
func (s *Stream) Batch(n int64, b *model.Batch) error {
	lane := int64(s.Rows.Len() / s.Size)
	if lane == 0 {
		return errNoRows
	}
	resize(b, s.Size, s.Rows.Context())
	if s.ids == nil {
		s.ids = make([]int32, 0, 2*b.T+2) // a row and its starts
	}
	b.Resume = n%lane != 0
	for r := range s.Size {
		ids, starts, filled, err := s.Rows.Row(int(int64(r)*lane+n%lane), s.ids[:0])
		if err != nil {
			return err
		}
		fillRow(b, r, ids, starts, filled)
	}
	return nil
}

var errNoRows = errors.New("the blocks hold too few rows for one batch")
