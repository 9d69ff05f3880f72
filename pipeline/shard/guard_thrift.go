package shard

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/encoding/thrift"
)

// compactStruct returns the length of the struct, in Thrift's compact protocol,
// with which b begins; io.ErrUnexpectedEOF if b ends before it. A struct that
// passes can be decoded in memory in proportion to its length: each list has the
// items that it announces, no string ends outside of b, and nothing is nested
// deeper than a Parquet file nests.
//
// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
func compactStruct(b []byte) (int, error) {
	w := compactWalk{b: b}
	err := w.value(thrift.STRUCT, 0)
	return w.at, err
}

const compactDepth = 32 // of nested structs and lists; Parquet's metadata needs ten

type compactWalk struct {
	b    []byte
	at   int
	path []int16                                     // numbers of the fields under way
	done func(path []int16, seen uint64, last int16) // if not nil, hears at the end of each struct which of its fields 0…63 were there
}

func (w *compactWalk) value(t thrift.Type, depth int) error {
	if depth > compactDepth {
		return fmt.Errorf("metadata nested deeper than %d levels", compactDepth)
	}
	switch t {
	case thrift.I8:
		return w.skip(1)
	case thrift.I16, thrift.I32, thrift.I64:
		_, err := w.varint()
		return err
	case thrift.DOUBLE:
		return w.skip(8)
	case thrift.UUID:
		return w.skip(16)
	case thrift.BINARY:
		n, err := w.varint()
		if err != nil {
			return err
		}
		return w.skip(n)
	case thrift.LIST, thrift.SET:
		head, err := w.byte()
		if err != nil {
			return err
		}
		n := uint64(head >> 4)
		if n == 15 {
			if n, err = w.varint(); err != nil {
				return err
			}
		}
		return w.items(n, depth, thrift.Type(head&15))
	case thrift.MAP:
		n, err := w.varint()
		if n == 0 || err != nil {
			return err
		}
		types, err := w.byte()
		if err != nil {
			return err
		}
		return w.items(n, depth, thrift.Type(types>>4), thrift.Type(types&15))
	case thrift.STRUCT:
		return w.fields(depth)
	}
	return fmt.Errorf("metadata holds a value of the unknown type %d", t)
}

// fields walks to the end of a struct. The values of its booleans are types.
func (w *compactWalk) fields(depth int) error {
	var id int16
	var seen uint64
	for {
		head, err := w.byte()
		if err != nil {
			return err
		}
		if head == 0 {
			if w.done != nil {
				w.done(w.path, seen, id)
			}
			return nil
		}
		if step := head >> 4; step != 0 {
			id += int16(step)
		} else if v, err := w.varint(); err != nil { // the number in full, zigzag
			return err
		} else {
			id = int16(v>>1) ^ -int16(v&1)
		}
		seen |= 1 << uint16(id)
		if t := thrift.Type(head & 15); t != thrift.TRUE && t != thrift.FALSE {
			w.path = append(w.path, id)
			if err := w.value(t, depth+1); err != nil {
				return err
			}
			w.path = w.path[:len(w.path)-1]
		}
	}
}

// items walks the items of a list or map, whose booleans take a byte. Each item
// takes at least one, so n needs no other bound.
func (w *compactWalk) items(n uint64, depth int, types ...thrift.Type) error {
	if n > uint64(len(w.b)-w.at) {
		w.at = len(w.b)
		return io.ErrUnexpectedEOF
	}
	for range n {
		for _, t := range types {
			if t == thrift.TRUE || t == thrift.FALSE {
				t = thrift.I8
			}
			if err := w.value(t, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *compactWalk) byte() (byte, error) {
	if w.at == len(w.b) {
		return 0, io.ErrUnexpectedEOF
	}
	w.at++
	return w.b[w.at-1], nil
}

func (w *compactWalk) varint() (uint64, error) {
	v, n := binary.Uvarint(w.b[w.at:])
	if n == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	if n < 0 {
		return 0, fmt.Errorf("metadata holds a number of more than 64 bits")
	}
	w.at += n
	return v, nil
}

func (w *compactWalk) skip(n uint64) error {
	if n > uint64(len(w.b)-w.at) {
		return io.ErrUnexpectedEOF
	}
	w.at += int(n)
	return nil
}
