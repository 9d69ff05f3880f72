package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"unsafe"
)

// An Array is a named row-major array. Data holds its elements little-endian.
type Array struct {
	Name  string
	DType string // F32, F16, BF16, F64, I8 … I64, U8 … U64, BOOL
	Shape []int  // none: a single number
	Data  []byte
}

// Float32 returns an F32 Array of v. Where the machine is little-endian it
// shares v's memory, so v must not change until the Array is written.
func Float32(name string, shape []int, v []float32) Array {
	return Array{Name: name, DType: "F32", Shape: shape, Data: bytesOf(v)}
}

// Int8 returns an I8 Array of v, whose memory it shares.
func Int8(name string, shape []int, v []int8) Array {
	a := Array{Name: name, DType: "I8", Shape: shape}
	if len(v) > 0 {
		a.Data = unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), len(v))
	}
	return a
}

func bytesOf(v []float32) []byte {
	if len(v) == 0 {
		return nil
	}
	if one := uint16(1); *(*byte)(unsafe.Pointer(&one)) == 1 {
		return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 4*len(v))
	}
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// Write writes the arrays and the metadata (nil: none) to w. It refuses names
// that occur twice and data whose length is not what shape and type ask for.
func Write(w io.Writer, arrays []Array, meta map[string]string) error {
	sorted := slices.Clone(arrays)
	slices.SortStableFunc(sorted, func(a, b Array) int {
		ra, _ := rank(a.DType)
		rb, _ := rank(b.DType)
		return cmp.Or(cmp.Compare(rb, ra), cmp.Compare(a.Name, b.Name))
	})
	header, err := writeHeader(sorted, meta)
	if err != nil {
		return err
	}
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(len(header)))
	if _, err := w.Write(n[:]); err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, a := range sorted {
		if _, err := w.Write(a.Data); err != nil {
			return err
		}
	}
	return nil
}

func writeHeader(arrays []Array, meta map[string]string) ([]byte, error) {
	var b bytes.Buffer
	text := func(s string) {
		q := json.NewEncoder(&b)
		q.SetEscapeHTML(false)
		q.Encode(s)             // a string in a buffer: no error can come
		b.Truncate(b.Len() - 1) // its line feed
	}
	b.WriteByte('{')
	if len(meta) > 0 {
		b.WriteString(`"__metadata__":{`)
		for i, k := range slices.Sorted(maps.Keys(meta)) {
			if i > 0 {
				b.WriteByte(',')
			}
			text(k)
			b.WriteByte(':')
			text(meta[k])
		}
		b.WriteByte('}')
	}
	seen := make(map[string]bool, len(arrays))
	offset := 0
	for _, a := range arrays {
		want, err := byteLen(a.DType, a.Shape)
		switch {
		case err != nil:
			return nil, fmt.Errorf("array %q: %w", a.Name, err)
		case seen[a.Name] || a.Name == metadataKey:
			return nil, fmt.Errorf("array %q: the name is taken", a.Name)
		case want != len(a.Data):
			return nil, fmt.Errorf("array %q: %d bytes of data, but %s%v takes %d", a.Name, len(a.Data), a.DType, a.Shape, want)
		}
		seen[a.Name] = true
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		text(a.Name)
		fmt.Fprintf(&b, `:{"dtype":"%s","shape":[`, a.DType)
		for i, d := range a.Shape {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprint(&b, d)
		}
		fmt.Fprintf(&b, `],"data_offsets":[%d,%d]}`, offset, offset+want)
		offset += want
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	if b.Len() > maxHeader {
		return nil, fmt.Errorf("a header of %d bytes is longer than the format allows (%d)", b.Len(), maxHeader)
	}
	return b.Bytes(), nil
}

// byteLen returns how many bytes an array takes.
func byteLen(dtype string, shape []int) (int, error) {
	r, n := rank(dtype)
	if r < 0 {
		return 0, fmt.Errorf("unknown element type %q", dtype)
	}
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("negative size in shape %v", shape)
		}
		if d > 0 && n > math.MaxInt/d {
			return 0, fmt.Errorf("shape %v is larger than this machine can count", shape)
		}
		n *= d
	}
	return n, nil
}
