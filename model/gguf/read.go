package gguf

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
)

// Limits on what a file may ask for before it is read.
const (
	maxString = 1 << 26
	maxItems  = 1 << 24
	maxArrays = 1 << 20
	maxDims   = 4
)

// A File is an open GGUF file.
type File struct {
	// Meta is the file's keys: bool, string, int64, uint64 or float64, or []any of those.
	Meta   map[string]any
	name   string
	r      io.ReaderAt
	closer io.Closer
	data   int64
	arrays map[string]array
}

type array struct {
	Info
	offset int64
}

// Info describes an array without its data. Its shape has the innermost axis last.
type Info struct {
	Type  Type
	Shape []int
	Bytes int64
}

// Open opens a file and checks its header.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil {
		var file *File
		if file, err = Read(f, st.Size()); err == nil {
			file.name, file.closer = path, f
			return file, nil
		}
		err = fmt.Errorf("%s: %w", path, err)
	}
	f.Close()
	return nil, err
}

// Read is Open for bytes that lie elsewhere; size is how many there are.
func Read(r io.ReaderAt, size int64) (*File, error) {
	d := &decoder{r: bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 1<<16)}
	if magic := d.bytes(4); d.err != nil || string(magic) != "GGUF" {
		return nil, errors.New("not a GGUF file")
	}
	if v := d.u32(); d.err == nil && v != 2 && v != 3 {
		return nil, fmt.Errorf("GGUF version %d is not supported, only 2 and 3", v)
	}
	arrays, keys := d.count(maxArrays), d.count(maxArrays)
	f := &File{name: "gguf", r: r, Meta: map[string]any{}, arrays: map[string]array{}}
	for range keys {
		key := d.text()
		v := d.value(d.u32(), 0)
		if d.err != nil {
			return nil, fmt.Errorf("key %q: %w", key, d.err)
		}
		if _, twice := f.Meta[key]; twice {
			return nil, fmt.Errorf("key %q stands there twice", key)
		}
		f.Meta[key] = v
	}
	for range arrays {
		if err := f.readInfo(d); err != nil {
			return nil, err
		}
	}
	if d.err != nil {
		return nil, d.err
	}
	align := int64(32)
	if v, ok := f.Meta["general.alignment"]; ok {
		n, is := v.(int64)
		if !is || n < 1 || n > 1<<20 || n&(n-1) != 0 {
			return nil, fmt.Errorf("general.alignment is %v, want a power of two", v)
		}
		align = n
	}
	f.data = (d.at + align - 1) / align * align
	return f, f.check(size - f.data)
}

func (f *File) readInfo(d *decoder) error {
	name := d.text()
	dims := d.u32()
	if d.err == nil && dims > maxDims {
		return fmt.Errorf("array %q has %d axes", name, dims)
	}
	var a array
	n := int64(1)
	for range dims {
		v := d.u64()
		if d.err == nil && (v > math.MaxInt32 || v < 1 || n > math.MaxInt64/int64(v)) {
			return fmt.Errorf("array %q has an axis of %d", name, v)
		}
		n *= int64(max(v, 1))
		a.Shape = append(a.Shape, int(v))
	}
	slices.Reverse(a.Shape)
	a.Type = Type(d.u32())
	offset := d.u64()
	if d.err != nil {
		return fmt.Errorf("array %q: %w", name, d.err)
	}
	k, ok := kinds[a.Type]
	if !ok {
		return fmt.Errorf("array %q is %v, which is not supported, only F32, F16, BF16, Q4_0, Q4_1, Q8_0, Q4_K and Q6_K", name, a.Type)
	}
	if last := lastOf(a.Shape); last%k.block != 0 {
		return fmt.Errorf("array %q: rows of %d are no whole blocks of %d", name, last, k.block)
	}
	if offset > math.MaxInt64/2 {
		return fmt.Errorf("array %q lies at %d", name, offset)
	}
	a.offset, a.Bytes = int64(offset), n/int64(k.block)*int64(k.bytes)
	if _, twice := f.arrays[name]; twice {
		return fmt.Errorf("array %q stands there twice", name)
	}
	f.arrays[name] = a
	return nil
}

func lastOf(shape []int) int {
	if len(shape) == 0 {
		return 1
	}
	return shape[len(shape)-1]
}

// check holds every array to the size of the data, and keeps them apart.
func (f *File) check(size int64) error {
	names := slices.SortedFunc(maps.Keys(f.arrays), func(a, b string) int { return int(f.arrays[a].offset - f.arrays[b].offset) })
	end := int64(0)
	for _, name := range names {
		a := f.arrays[name]
		if a.offset < end {
			return fmt.Errorf("array %q overlaps the one before it", name)
		}
		if end = a.offset + a.Bytes; end > size {
			return fmt.Errorf("array %q ends at %d of %d bytes: the file is cut short", name, end, max(size, 0))
		}
	}
	return nil
}

// Close closes the file.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Path is the file's name.
func (f *File) Path() string { return f.name }

// Names returns the names of the arrays, sorted.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.arrays)) }

// Info returns an array's type and shape; ok is false if there is none.
func (f *File) Info(name string) (Info, bool) {
	a, ok := f.arrays[name]
	return a.Info, ok
}

// Float32 reads one array of any type that is known.
func (f *File) Float32(name string) ([]float32, []int, error) {
	a, ok := f.arrays[name]
	if !ok {
		return nil, nil, fmt.Errorf("%s: there is no array %q", f.name, name)
	}
	k := kinds[a.Type]
	x := make([]float32, a.Bytes/int64(k.bytes)*int64(k.block))
	const blocks = 1 << 10 // at a time
	buf := make([]byte, min(int64(blocks*k.bytes), a.Bytes))
	for at := 0; at < len(x); at += blocks * k.block {
		part := x[at:min(at+blocks*k.block, len(x))]
		b := buf[:len(part)/k.block*k.bytes]
		if n, err := f.r.ReadAt(b, f.data+a.offset+int64(at/k.block*k.bytes)); n < len(b) {
			return nil, nil, fmt.Errorf("%s: array %q: %w", f.name, name, err)
		}
		for i := 0; i < len(part); i += k.block {
			k.read(part[i:i+k.block], b[i/k.block*k.bytes:])
		}
	}
	return x, slices.Clone(a.Shape), nil
}

// A decoder reads the header; its first error ends it.
type decoder struct {
	r   *bufio.Reader
	at  int64
	err error
}

func (d *decoder) bytes(n uint64) []byte {
	if d.err != nil || n > maxString {
		if d.err == nil {
			d.err = fmt.Errorf("a text of %d bytes", n)
		}
		return nil
	}
	// Piece by piece: a length that lies may not ask for memory that the file does not have.
	var b []byte
	for n > 0 {
		part := make([]byte, min(n, 1<<16))
		if _, d.err = io.ReadFull(d.r, part); d.err != nil {
			d.err = errors.New("the header is cut short")
			return nil
		}
		b = append(b, part...)
		n -= uint64(len(part))
		d.at += int64(len(part))
	}
	return b
}

func (d *decoder) u32() uint32 {
	if b := d.bytes(4); d.err == nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if b := d.bytes(8); d.err == nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) count(limit uint64) uint64 {
	n := d.u64()
	if d.err == nil && n > limit {
		d.err = fmt.Errorf("a list of %d", n)
		return 0
	}
	return n
}

func (d *decoder) text() string { return string(d.bytes(d.u64())) }

// value reads a value of a type, numbered as in the format.
func (d *decoder) value(kind uint32, depth int) any {
	number := func(n uint64) []byte {
		if b := d.bytes(n); d.err == nil {
			return b
		}
		return make([]byte, n)
	}
	le := binary.LittleEndian
	switch kind {
	case 0:
		return int64(number(1)[0])
	case 1:
		return int64(int8(number(1)[0]))
	case 2:
		return int64(le.Uint16(number(2)))
	case 3:
		return int64(int16(le.Uint16(number(2))))
	case 4:
		return int64(le.Uint32(number(4)))
	case 5:
		return int64(int32(le.Uint32(number(4))))
	case 6:
		return float64(math.Float32frombits(le.Uint32(number(4))))
	case 7:
		return number(1)[0] != 0
	case 8:
		return d.text()
	case 9:
		inner, n := d.u32(), d.count(maxItems)
		if depth > 0 || d.err != nil {
			if d.err == nil {
				d.err = errors.New("a list of lists")
			}
			return nil
		}
		var list []any
		for range n {
			if d.err != nil {
				return nil
			}
			list = append(list, d.value(inner, depth+1))
		}
		return list
	case 10:
		return le.Uint64(number(8))
	case 11:
		return int64(le.Uint64(number(8)))
	case 12:
		return math.Float64frombits(le.Uint64(number(8)))
	}
	if d.err == nil {
		d.err = fmt.Errorf("values of type %d are not known", kind)
	}
	return nil
}
