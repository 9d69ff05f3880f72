package gguf

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"
)

// TestQuants reads blocks of random bytes as gguf-py does; see testdata/quants.py.
func TestQuants(t *testing.T) {
	b, err := os.ReadFile("testdata/quants.json")
	var cases []struct{ Type, Bytes, Want string }
	if err == nil {
		err = json.Unmarshal(b, &cases)
	}
	if err != nil || len(cases) != 7 {
		t.Fatal(err, len(cases))
	}
	byName := map[string]Type{}
	for k, s := range names {
		byName[s] = k
	}
	for _, c := range cases {
		data, _ := base64.StdEncoding.DecodeString(c.Bytes)
		want, _ := base64.StdEncoding.DecodeString(c.Want)
		k := kinds[byName[c.Type]]
		x := make([]float32, k.block)
		for i := range len(data) / k.bytes {
			k.read(x, data[i*k.bytes:])
			for j, v := range x {
				if w := math.Float32frombits(binary.LittleEndian.Uint32(want[4*(i*k.block+j):])); math.Abs(float64(v-w)) > 1e-6*(1+math.Abs(float64(w))) {
					t.Fatalf("%s: number %d is %g, want %g", c.Type, i*k.block+j, v, w)
				}
			}
		}
	}
}

// TestWrite reads what it wrote, within the error of each type.
func TestWrite(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, 4*512)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	meta := map[string]any{"general.name": "ä", "a": uint32(7), "b": float32(.5), "c": true, "d": []string{"x", ""}, "e": []int32{-1, 2}, "f": []float32{1.5}}
	for kind, most := range map[Type]float64{F32: 0, F16: 2e-3, BF16: 2e-2, Q8_0: 2e-2, Q6_K: .08, Q4_K: .35} {
		var out bytes.Buffer
		arrays := []Array{{"one", kind, []int{4, 512}, x}, {"two", F32, []int{3}, []float32{1, 2, 3}}, {"three", kind, []int{512}, x[:512]}}
		if err := Write(&out, meta, arrays); err != nil {
			t.Fatal(err)
		}
		f, err := Read(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(kind, err)
		}
		want := map[string]any{"general.name": "ä", "a": int64(7), "b": .5, "c": true, "d": []any{"x", ""}, "e": []any{int64(-1), int64(2)}, "f": []any{1.5}}
		if !reflect.DeepEqual(f.Meta, want) {
			t.Errorf("keys are %v, want %v", f.Meta, want)
		}
		y, shape, err := f.Float32("one")
		if err != nil || !reflect.DeepEqual(shape, []int{4, 512}) {
			t.Fatal(shape, err)
		}
		worst := 0.0
		for i, v := range x {
			worst = max(worst, math.Abs(float64(v-y[i])))
		}
		if worst > most {
			t.Errorf("%v is off by %g, want at most %g", kind, worst, most)
		}
		if two, _, err := f.Float32("two"); err != nil || !reflect.DeepEqual(two, []float32{1, 2, 3}) {
			t.Error(two, err)
		}
		cut := out.Bytes()[:out.Len()-40]
		if _, err := Read(bytes.NewReader(cut), int64(len(cut))); err == nil {
			t.Error("a file that is cut short is read")
		}
	}
}

// TestHalf holds the rounding of halves to that of their neighbours.
func TestHalf(t *testing.T) {
	var b [2]byte
	for h := range 1 << 16 {
		binary.LittleEndian.PutUint16(b[:], uint16(h))
		x := half(b[:])
		if x != x || math.IsInf(float64(x), 0) {
			continue
		}
		putHalf(b[:], x)
		if got := binary.LittleEndian.Uint16(b[:]); got != uint16(h) {
			t.Fatalf("%#x is %g, which is written as %#x", h, x, got)
		}
	}
	for x, want := range map[float32]float32{1e9: float32(math.Inf(1)), 65519: 65504, 1 + 1.0/2048: 1, 1 + 3.0/2048: 1 + 4.0/2048, 5.9e-8: 5.9604645e-08} {
		putHalf(b[:], x)
		if got := half(b[:]); got != want {
			t.Errorf("%g is rounded to %g, want %g", x, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	var out bytes.Buffer
	if err := Write(&out, map[string]any{"a": []string{"x"}, "general.alignment": uint32(32)}, []Array{{"one", Q8_0, []int{2, 32}, make([]float32, 64)}}); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add([]byte("GGUF"))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Read(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		for _, name := range file.Names() {
			file.Float32(name)
		}
	})
}
