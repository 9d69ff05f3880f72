package blocks

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// maxContext bounds a row: 16 Mi ids are more than anyone trains on, and keep
// the arithmetic of hostile files inside 64 bits.
const maxContext = 1 << 24

// A File is a file of blocks, memory-mapped: opening it reads only what
// must be checked, and a row comes from the disk when it is asked for. A row is
//
//	ids     context+1 of them; inputs are ids[:context], targets ids[1:]
//	starts  where in the row a text begins that has nothing to do with what stands
//	        before it: a document, or with best_fit the rest of a long one. 0 is
//	        among them only if a document begins there; without it the row goes on
//	        with a document cut by another row, and its first id is that row's last
//	length  how many of the ids are text; the rest is padding and has no loss
//
// It is safe for concurrent use.
type File struct {
	path    string
	mapped  *mapping
	perRow  int
	width   int
	batches []arrowBatch
	first   []int // the number of each batch's first row
	rows    int
}

// Open maps an Arrow file of blocks and checks all of its structure. The ids are
// not checked; see CheckIDs.
func Open(path string) (*File, error) {
	m, err := openMapping(path)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, mapped: m}
	err = m.guard(func() (err error) {
		f.perRow, f.width, f.batches, err = walkArrow(m.data)
		return err
	})
	if err != nil {
		m.close()
		return nil, f.damaged(-1, err)
	}
	for _, b := range f.batches {
		f.first = append(f.first, f.rows)
		f.rows += b.rows
	}
	return f, nil
}

func (f *File) damaged(row int64, err error) error {
	return fault.Hintf(&fault.RowError{File: f.path, Row: row, Err: err}, "make the blocks again: run the stage with --force")
}

// Len returns the number of rows.
func (f *File) Len() int { return f.rows }

// Context returns how many ids of a row are inputs: one less than it has.
func (f *File) Context() int { return f.perRow - 1 }

// IDBytes returns how many bytes an id takes in the file: 2 or 4.
func (f *File) IDBytes() int { return f.width }

// Row decodes row i into dst, which grows if it must: pass ids[:0] of the row
// before and nothing is allocated for it. Both slices share dst's memory. It panics
// if there is no row i, as a slice would.
func (f *File) Row(i int, dst []int32) (ids, starts []int32, length int, err error) {
	if i < 0 || i >= f.rows {
		panic(fmt.Sprintf("%s: row %d of %d", f.path, i, f.rows))
	}
	err = f.mapped.guard(func() (err error) {
		ids, starts, length, err = f.row(i, dst)
		return err
	})
	if err != nil {
		return nil, nil, 0, f.damaged(int64(i), err)
	}
	return ids, starts, length, nil
}

// row is Row, but the file may have been shortened.
func (f *File) row(i int, dst []int32) (ids, starts []int32, length int, err error) {
	k, found := slices.BinarySearch(f.first, i)
	if !found {
		k--
	}
	for found && f.batches[k].rows == 0 { // empty batches share their first row with the next
		k++
	}
	b, r := f.batches[k], i-f.first[k]
	dst = dst[:0]
	raw := b.ids[r*f.perRow*f.width : (r+1)*f.perRow*f.width]
	lo, hi := binary.LittleEndian.Uint32(b.offsets[4*r:]), binary.LittleEndian.Uint32(b.offsets[4*r+4:])
	length = int(binary.LittleEndian.Uint32(b.lengths[4*r:]))
	if hi < lo || int(hi) > len(b.starts)/4 || length > f.perRow { // they were right when the file was opened
		return nil, nil, 0, errChanged
	}
	dst = slices.Grow(dst, f.perRow+int(hi-lo))[:f.perRow]
	if f.width == 2 {
		for j := range dst {
			dst[j] = int32(binary.LittleEndian.Uint16(raw[2*j:]))
		}
	} else {
		for j := range dst {
			dst[j] = int32(binary.LittleEndian.Uint32(raw[4*j:]))
		}
	}
	for at := lo; at < hi; at++ {
		start := int32(binary.LittleEndian.Uint32(b.starts[4*at:]))
		if start < 0 || int(start) >= length {
			return nil, nil, 0, errChanged
		}
		dst = append(dst, start)
	}
	return dst[:f.perRow:f.perRow], dst[f.perRow:], length, nil
}

// CheckIDs reads every id and returns an error for the first that is not below
// vocab.
func (f *File) CheckIDs(vocab int) error {
	err := f.mapped.guard(func() (err error) {
		var row []int32
		for i := range f.rows {
			if row, _, _, err = f.row(i, row); err != nil {
				return f.damaged(int64(i), err)
			}
			for j, id := range row {
				if id < 0 || int(id) >= vocab {
					return fault.Hintf(&fault.RowError{File: f.path, Row: int64(i), Err: fmt.Errorf("id %d at %d, but the vocabulary has %d", uint32(id), j, vocab)},
						"these blocks were made with another tokenizer, or the file is damaged")
				}
			}
		}
		return nil
	})
	if err == errShortened {
		err = f.damaged(-1, err)
	}
	return err
}

// Close unmaps the file; no row may be read after it.
func (f *File) Close() error {
	f.batches, f.rows = nil, 0
	return f.mapped.close()
}

// A Set is all blocks of one split, numbered through its files.
type Set struct {
	files []*File
	first []int
	rows  int
}

// OpenSplit opens the blocks of a split ("train", "validation", "test"). A
// split without blocks gives an empty set. All files must have one context.
func OpenSplit(dir pipeline.Dir, split string) (*Set, error) {
	s := &Set{}
	for _, path := range dir.Files(split + "-*.arrow") {
		f, err := Open(path)
		if err != nil {
			s.Close()
			return nil, err
		}
		s.files = append(s.files, f)
		if c := s.files[0].Context(); f.Context() != c {
			s.Close()
			return nil, &fault.RowError{File: path, Row: -1, Err: fmt.Errorf("context %d, but the files before have %d", f.perRow-1, c)}
		}
		s.first = append(s.first, s.rows)
		s.rows += f.Len()
	}
	return s, nil
}

// Len returns the number of rows.
func (s *Set) Len() int { return s.rows }

// Context returns the context length, 0 if the set is empty.
func (s *Set) Context() int {
	if len(s.files) == 0 {
		return 0
	}
	return s.files[0].Context()
}

// Row is File.Row with the number counted through all files.
func (s *Set) Row(i int, dst []int32) (ids, starts []int32, length int, err error) {
	if i < 0 || i >= s.rows {
		panic(fmt.Sprintf("row %d of %d", i, s.rows))
	}
	k, found := slices.BinarySearch(s.first, i)
	if !found {
		k--
	}
	for s.files[k].Len() == 0 {
		k++
	}
	return s.files[k].Row(i-s.first[k], dst)
}

// CheckIDs reads every id and returns an error for the first that is not below
// vocab.
func (s *Set) CheckIDs(vocab int) error {
	for _, f := range s.files {
		if err := f.CheckIDs(vocab); err != nil {
			return err
		}
	}
	return nil
}

// Close closes all files.
func (s *Set) Close() error {
	var first error
	for _, f := range s.files {
		first = cmp.Or(first, f.Close())
	}
	s.files, s.first, s.rows = nil, nil, 0
	return first
}
