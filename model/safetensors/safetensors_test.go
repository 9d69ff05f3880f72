package safetensors

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func write(t testing.TB, arrays []Array, meta map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, arrays, meta); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The bytes are those of Python's safetensors 0.8, which agrees byte for byte:
//
//	from safetensors.numpy import save; import numpy as np
//	save({"b": np.array([[1, 2.5], [-3, 0]], np.float32), "a": np.array([7], np.int64),
//	      "h": np.array([1.5, -2], np.float16)}, metadata={"format": "pt"})
func TestGolden(t *testing.T) {
	got := write(t, []Array{
		Float32("b", []int{2, 2}, []float32{1, 2.5, -3, 0}),
		{Name: "h", DType: "F16", Shape: []int{2}, Data: []byte{0x00, 0x3e, 0x00, 0xc0}},
		{Name: "a", DType: "I64", Shape: []int{1}, Data: []byte{7, 0, 0, 0, 0, 0, 0, 0}},
	}, map[string]string{"format": "pt"})
	header := `{"__metadata__":{"format":"pt"},"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},` +
		`"b":{"dtype":"F32","shape":[2,2],"data_offsets":[8,24]},"h":{"dtype":"F16","shape":[2],"data_offsets":[24,28]}}`
	header += strings.Repeat(" ", (8-len(header)%8)%8)
	want := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	want = append(want, header...)
	want = append(want, "\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x3f\x00\x00\x20\x40\x00\x00\x40\xc0\x00\x00\x00\x00\x00\x3e\x00\xc0"...)
	if !bytes.Equal(got, want) {
		t.Fatalf("got\n%q\nwant\n%q", got, want)
	}
	path := filepath.Join(t.TempDir(), "m.safetensors")
	os.WriteFile(path, got, 0o644)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if names := f.Names(); !slices.Equal(names, []string{"a", "b", "h"}) {
		t.Errorf("names %v", names)
	}
	if m := f.Metadata(); !reflect.DeepEqual(m, map[string]string{"format": "pt"}) {
		t.Errorf("metadata %v", m)
	}
	if v, shape, err := f.Float32("b"); err != nil || !slices.Equal(v, []float32{1, 2.5, -3, 0}) || !slices.Equal(shape, []int{2, 2}) {
		t.Errorf("b: %v %v %v", v, shape, err)
	}
	if v, _, err := f.Float32("h"); err != nil || !slices.Equal(v, []float32{1.5, -2}) {
		t.Errorf("h: %v %v", v, err)
	}
	if a, err := f.Array("a"); err != nil || a.DType != "I64" || a.Data[0] != 7 {
		t.Errorf("a: %v %v", a, err)
	}
	if _, _, err := f.Float32("a"); err == nil || !strings.Contains(err.Error(), "I64") {
		t.Errorf("an integer as float: %v", err)
	}
	if _, _, err := f.Float32("z"); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("no such array: %v", err)
	}
}

func TestWiden(t *testing.T) {
	for h, want := range map[uint16]float64{
		0x0000: 0, 0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0001: math.Pow(2, -24), 0x83ff: -1023 * math.Pow(2, -24),
		0x0400: math.Pow(2, -14), 0x7c00: math.Inf(1), 0xfc00: math.Inf(-1), 0x3555: 0.333251953125,
	} {
		if got := half(h); float64(got) != want {
			t.Errorf("half(%#04x) = %v, want %v", h, got, want)
		}
	}
	if f := half(0x7e00); f == f {
		t.Errorf("half(NaN) = %v", f)
	}
	if f := half(0x8000); f != 0 || !math.Signbit(float64(f)) {
		t.Errorf("half(-0) = %v", f)
	}
	if f := bfloat(0xc049); f != -3.140625 {
		t.Errorf("bfloat = %v", f)
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var arrays []Array
		names := rapid.SliceOfNDistinct(rapid.StringN(0, 8, 24), 0, 6, rapid.ID[string]).Draw(t, "names")
		for i, name := range names {
			if name == metadataKey {
				continue
			}
			d := dtypes[rapid.IntRange(0, len(dtypes)-1).Draw(t, "type")]
			shape := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 3).Draw(t, "shape")
			n, _ := byteLen(d.name, shape)
			data := bytes.Repeat([]byte{byte(i + 1)}, n)
			arrays = append(arrays, Array{Name: strings.ToValidUTF8(name, "?"), DType: d.name, Shape: shape, Data: data})
		}
		var b, again bytes.Buffer
		if err := Write(&b, arrays, nil); err != nil {
			t.Skip("names that became equal")
		}
		slices.Reverse(arrays)
		if err := Write(&again, arrays, nil); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
			t.Fatalf("another order gave other bytes (%v)", err)
		}
		f, err := Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		if f.data%8 != 0 {
			t.Fatalf("data begins at %d", f.data)
		}
		if len(f.Names()) != len(arrays) {
			t.Fatalf("%d arrays, want %d", len(f.Names()), len(arrays))
		}
		for _, want := range arrays {
			got, err := f.Array(want.Name)
			if err != nil || got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) || !bytes.Equal(got.Data, want.Data) {
				t.Fatalf("got %v, %v; want %v", got, err, want)
			}
		}
	})
}

func TestChunkedFloats(t *testing.T) {
	v := make([]float32, 40_000) // more than two chunks
	for i := range v {
		v[i] = float32(i) / 7
	}
	b := write(t, []Array{Float32("v", []int{200, 200}, v)}, nil)
	f, err := Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := f.Float32("v"); err != nil || !slices.Equal(got, v) {
		t.Errorf("differs (%v)", err)
	}
}

func file(header, data string) []byte {
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), data...)
}

func TestRefused(t *testing.T) {
	a := `"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`
	for _, c := range []struct {
		want string
		file []byte
	}{
		{"too few", []byte("abc")},
		{"cut short", binary.LittleEndian.AppendUint64(nil, 1<<40)},
		{"cut short", binary.LittleEndian.AppendUint64(nil, math.MaxUint64)},
		{"not with {", file("[]", "")},
		{"after its end", file(`{`+a+`}{}`, "1234")},
		{"twice", file(`{`+a+`,`+a+`}`, "1234")},
		{"two __metadata__", file(`{"__metadata__":{},"__metadata__":{}}`, "")},
		{"__metadata__", file(`{"__metadata__":{"x":1}}`, "")},
		{"unknown element type", file(`{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}`, "1234")},
		{"unknown field", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`, "1234")},
		{"negative", file(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, "1234")},
		{"larger than", file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,4]}}`, "1234")},
		{"takes 8", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, "1234")},
		{"gap", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, "12345678")},
		{"overlap", file(`{`+a+`,"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}`, "123456")},
		{"gap", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,-4]}}`, "")},
		{"damaged", file(`{`+a+`}`, "12345")},
		{"damaged", file(`{`+a+`}`, "123")},
	} {
		_, err := Read(bytes.NewReader(c.file), int64(len(c.file)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want one with %q", c.file, err, c.want)
		}
	}
	for _, c := range []struct {
		want   string
		arrays []Array
	}{
		{"taken", []Array{Float32("a", nil, []float32{1}), Float32("a", nil, []float32{2})}},
		{"taken", []Array{Float32(metadataKey, nil, []float32{1})}},
		{"takes 8", []Array{Float32("a", []int{2}, []float32{1})}},
		{"unknown", []Array{{Name: "a", DType: "f32"}}},
		{"negative", []Array{{Name: "a", DType: "F32", Shape: []int{-1}}}},
	} {
		if err := Write(new(bytes.Buffer), c.arrays, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want one with %q", c.arrays, err, c.want)
		}
	}
}

// Whatever the bytes are, reading them gives arrays of the size promised or an
// error, and what can be read can be written.
func FuzzRead(f *testing.F) {
	f.Add(write(f, []Array{Float32("w", []int{2, 1}, []float32{1, 2}), {Name: "i", DType: "U8", Shape: []int{3}, Data: []byte("abc")}}, map[string]string{"k": "v"}))
	f.Add(file(`{}`, ""))
	f.Add(file(`{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}  `, "1234"))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Read(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		var arrays []Array
		for _, name := range file.Names() {
			a, err := file.Array(name)
			if err != nil {
				t.Fatal(err)
			}
			arrays = append(arrays, a)
			if v, shape, err := file.Float32(name); err == nil {
				n := 1
				for _, d := range shape {
					n *= d
				}
				if n != len(v) {
					t.Fatalf("%d values of shape %v", len(v), shape)
				}
			}
		}
		if err := Write(new(bytes.Buffer), arrays, file.Metadata()); err != nil {
			t.Fatal(err)
		}
	})
}

func ExampleWrite() {
	var b bytes.Buffer
	if err := Write(&b, []Array{Float32("bias", []int{3}, []float32{1, 2, 3})}, nil); err != nil {
		panic(err)
	}
	f, err := Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		panic(err)
	}
	v, shape, err := f.Float32("bias")
	fmt.Println(v, shape, err)
	// Output: [1 2 3] [3] <nil>
}
