package gguf

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// An Array is what Write writes: its shape has the innermost axis last.
type Array struct {
	Name  string
	Type  Type
	Shape []int
	Data  []float32
}

// Block is how many numbers of a row go into one block of a type; 0 if it is not written.
func Block(t Type) int {
	if k := kinds[t]; k.write != nil {
		return k.block
	}
	return 0
}

const alignment = 32

// Write writes a file of version 3. Values of meta are bool, string, uint32, int32, float32, or
// lists of those. The same input gives the same bytes.
func Write(w io.Writer, meta map[string]any, arrays []Array) error {
	e := &encoder{w: bufio.NewWriterSize(w, 1<<16)}
	e.raw([]byte("GGUF"))
	e.u32(3)
	e.u64(uint64(len(arrays)))
	e.u64(uint64(len(meta)))
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		e.text(key)
		if err := e.value(meta[key]); err != nil {
			return fmt.Errorf("key %q: %w", key, err)
		}
	}
	offset := int64(0)
	for _, a := range arrays {
		k := kinds[a.Type]
		n := 1
		for _, d := range a.Shape {
			n *= d
		}
		if k.write == nil || n != len(a.Data) || lastOf(a.Shape)%k.block != 0 {
			return fmt.Errorf("array %q: %d numbers of shape %v cannot be written as %v", a.Name, len(a.Data), a.Shape, a.Type)
		}
		e.text(a.Name)
		e.u32(uint32(len(a.Shape)))
		for _, d := range slices.Backward(a.Shape) {
			e.u64(uint64(d))
		}
		e.u32(uint32(a.Type))
		e.u64(uint64(offset))
		offset += int64(n/k.block*k.bytes+alignment-1) / alignment * alignment
	}
	e.pad()
	for _, a := range arrays {
		k := kinds[a.Type]
		b := make([]byte, k.bytes)
		for i := 0; i < len(a.Data) && e.err == nil; i += k.block {
			k.write(b, a.Data[i:i+k.block])
			e.raw(b)
		}
		e.pad()
	}
	if e.err != nil {
		return e.err
	}
	return e.w.Flush()
}

type encoder struct {
	w   *bufio.Writer
	at  int64
	err error
}

func (e *encoder) raw(b []byte) {
	if e.err == nil {
		_, e.err = e.w.Write(b)
		e.at += int64(len(b))
	}
}

func (e *encoder) u32(v uint32)  { e.raw(binary.LittleEndian.AppendUint32(nil, v)) }
func (e *encoder) u64(v uint64)  { e.raw(binary.LittleEndian.AppendUint64(nil, v)) }
func (e *encoder) text(s string) { e.u64(uint64(len(s))); e.raw([]byte(s)) }
func (e *encoder) pad()          { e.raw(make([]byte, (alignment-e.at%alignment)%alignment)) }

// value writes a type's number and a value.
func (e *encoder) value(v any) error {
	switch v := v.(type) {
	case uint32:
		e.u32(4)
		e.u32(v)
	case int32:
		e.u32(5)
		e.u32(uint32(v))
	case float32:
		e.u32(6)
		e.u32(math.Float32bits(v))
	case bool:
		e.u32(7)
		b := byte(0)
		if v {
			b = 1
		}
		e.raw([]byte{b})
	case string:
		e.u32(8)
		e.text(v)
	case []string:
		e.list(8, len(v), func(i int) { e.text(v[i]) })
	case []int32:
		e.list(5, len(v), func(i int) { e.u32(uint32(v[i])) })
	case []float32:
		e.list(6, len(v), func(i int) { e.u32(math.Float32bits(v[i])) })
	default:
		return fmt.Errorf("values of %T are not written", v)
	}
	return nil
}

func (e *encoder) list(kind uint32, n int, each func(int)) {
	e.u32(9)
	e.u32(kind)
	e.u64(uint64(n))
	for i := range n {
		each(i)
	}
}
