package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
)

const (
	maxHeader   = 100 << 20 // the format's own limit
	metadataKey = "__metadata__"
)

// A File is an open file of arrays. Its methods may be called from several
// goroutines at once.
type File struct {
	name   string
	r      io.ReaderAt
	closer io.Closer
	data   int64 // where the data begins
	arrays map[string]entry
	meta   map[string]string
}

type entry struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// Info describes an array without its data.
type Info struct {
	DType string
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
	if err != nil {
		f.Close()
		return nil, err
	}
	file, err := Read(f, st.Size())
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	file.name, file.closer = path, f
	return file, nil
}

// Read is Open for bytes that lie elsewhere; size is how many there are.
func Read(r io.ReaderAt, size int64) (*File, error) {
	var n [8]byte
	if size < 8 {
		return nil, fmt.Errorf("not a safetensors file: %d bytes are too few", size)
	}
	if _, err := r.ReadAt(n[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	length := binary.LittleEndian.Uint64(n[:])
	if length > maxHeader || int64(length) > size-8 {
		return nil, fmt.Errorf("not a safetensors file, or cut short: header of %d bytes in a file of %d", length, size)
	}
	header := make([]byte, length)
	if _, err := r.ReadAt(header, 8); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	f := &File{name: "safetensors", r: r, data: 8 + int64(length), arrays: map[string]entry{}, meta: map[string]string{}}
	if err := f.parse(header); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if err := f.check(size - f.data); err != nil {
		return nil, err
	}
	return f, nil
}

// parse reads the header key by key, because a JSON decoder would let the
// second of two equal names win in silence.
func (f *File) parse(header []byte) error {
	dec := json.NewDecoder(bytes.NewReader(header))
	dec.DisallowUnknownFields()
	if t, err := dec.Token(); err != nil {
		return err
	} else if t != json.Delim('{') {
		return fmt.Errorf("starts with %v, not with {", t)
	}
	metaSeen := false
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		name, ok := t.(string)
		if !ok {
			return fmt.Errorf("%v is no name", t)
		}
		if name == metadataKey {
			if metaSeen {
				return errors.New("two __metadata__")
			}
			metaSeen = true
			if err := dec.Decode(&f.meta); err != nil {
				return fmt.Errorf("__metadata__: %w", err)
			}
			continue
		}
		if _, twice := f.arrays[name]; twice {
			return fmt.Errorf("array %q stands there twice", name)
		}
		var e entry
		if err := dec.Decode(&e); err != nil {
			return fmt.Errorf("array %q: %w", name, err)
		}
		f.arrays[name] = e
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return err
	}
	if rest := bytes.TrimRight(header[dec.InputOffset():], " "); len(rest) > 0 {
		return fmt.Errorf("%d bytes after its end", len(rest))
	}
	return nil
}

// check holds every array to the size of the data: no gap, no overlap, nothing
// left over.
func (f *File) check(size int64) error {
	names := slices.SortedFunc(maps.Keys(f.arrays), func(a, b string) int {
		x, y := f.arrays[a].Offsets, f.arrays[b].Offsets
		return slices.Compare(x[:], y[:])
	})
	var at int64
	for _, name := range names {
		e := f.arrays[name]
		n, err := byteLen(e.DType, e.Shape)
		if err != nil {
			return fmt.Errorf("array %q: %w", name, err)
		}
		if e.Offsets[0] != at || e.Offsets[1] < at {
			return fmt.Errorf("array %q: bytes %d to %d, but the array before ends at %d: a gap or an overlap", name, e.Offsets[0], e.Offsets[1], at)
		}
		if e.Offsets[1]-at != int64(n) {
			return fmt.Errorf("array %q: %d bytes, but %s%v takes %d", name, e.Offsets[1]-at, e.DType, e.Shape, n)
		}
		at = e.Offsets[1]
	}
	if at != size {
		return fmt.Errorf("the header speaks of %d bytes of data, the file has %d: cut short or damaged", at, size)
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

// Names returns the names of the arrays, sorted.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.arrays)) }

// Metadata returns the free text beside the arrays.
func (f *File) Metadata() map[string]string { return maps.Clone(f.meta) }

// Info returns an array's type and shape; ok is false if there is none.
func (f *File) Info(name string) (info Info, ok bool) {
	e, ok := f.arrays[name]
	return Info{DType: e.DType, Shape: slices.Clone(e.Shape), Bytes: e.Offsets[1] - e.Offsets[0]}, ok
}

// Array reads one array as it is stored.
func (f *File) Array(name string) (Array, error) {
	e, ok := f.arrays[name]
	if !ok {
		return Array{}, fmt.Errorf("%s: there is no array %q", f.name, name)
	}
	data := make([]byte, e.Offsets[1]-e.Offsets[0])
	if err := f.readAt(data, name, e.Offsets[0]); err != nil {
		return Array{}, err
	}
	return Array{Name: name, DType: e.DType, Shape: slices.Clone(e.Shape), Data: data}, nil
}

// Float32 reads one array of F32, F16 or BF16, all of which fit a float32
// exactly. Other types are an error.
func (f *File) Float32(name string) (v []float32, shape []int, err error) {
	e, ok := f.arrays[name]
	if !ok {
		return nil, nil, fmt.Errorf("%s: there is no array %q", f.name, name)
	}
	_, size := rank(e.DType)
	v = make([]float32, (e.Offsets[1]-e.Offsets[0])/int64(size))
	var widen func(b []byte, dst []float32)
	switch e.DType {
	case "F32":
		widen = func(b []byte, dst []float32) {
			for i := range dst {
				dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
			}
		}
	case "F16":
		widen = func(b []byte, dst []float32) {
			for i := range dst {
				dst[i] = half(binary.LittleEndian.Uint16(b[2*i:]))
			}
		}
	case "BF16":
		widen = func(b []byte, dst []float32) {
			for i := range dst {
				dst[i] = bfloat(binary.LittleEndian.Uint16(b[2*i:]))
			}
		}
	default:
		return nil, nil, fmt.Errorf("%s: array %q holds %s, not F32, F16 or BF16", f.name, name, e.DType)
	}
	const chunk = 16 << 10 // elements
	buf := make([]byte, min(len(v), chunk)*size)
	for at := 0; at < len(v); at += chunk {
		part := v[at:min(at+chunk, len(v))]
		if err := f.readAt(buf[:len(part)*size], name, e.Offsets[0]+int64(at*size)); err != nil {
			return nil, nil, err
		}
		widen(buf, part)
	}
	return v, slices.Clone(e.Shape), nil
}

// readAt fills b from offset at of the data.
func (f *File) readAt(b []byte, name string, at int64) error {
	if n, err := f.r.ReadAt(b, f.data+at); n < len(b) {
		return fmt.Errorf("%s: array %q: %w", f.name, name, err)
	}
	return nil
}
