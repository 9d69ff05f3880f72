//go:build amd64 && !purego

package tokenize

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Assembly tells the classes that plain Go tells, for every byte in every place.
func TestClassify(t *testing.T) {
	levels := map[string]func(m *uint64, text *byte){}
	if hasAVX2 {
		levels["AVX2"] = classifyAVX2
	}
	if hasAVX512 {
		levels["AVX-512"] = classifyAVX512
	}
	if len(levels) == 0 {
		t.Skip("this CPU has neither AVX2 nor AVX-512")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for k := range 20000 {
		var text [blockSize]byte
		for i := range text {
			text[i] = byte(k + i)
			if k >= 256 {
				text[i] = byte(r.Uint32())
			}
		}
		var want masks
		classifyPlain(&want, &text)
		for name, classify := range levels {
			var got masks
			if classify(&got.letter, &text[0]); got != want {
				t.Fatalf("%s: %q: %x, want %x", name, text, got, want)
			}
		}
	}
}

// Assembly makes the keys that plain Go makes, and finds what it finds.
func TestQueueAssembly(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	tok := learned(t, nil)
	for range 2000 {
		var b []byte
		for len(b) < 400 {
			b = append(b, sample[r.IntN(len(sample)-10):][:1+r.IntN(10)]...)
		}
		st := &state{cache: newWordCache()}
		tok.fast.append(nil, st, b[:r.IntN(len(b))])
		var got, want queue
		n, _ := got.fill(tok.fast.pattern, b)
		want.fill(tok.fast.pattern, b)
		slots := st.cache.slots
		got.keys(n, b, slots)
		want.keysPlain(n, b, slots)
		if got != want {
			t.Fatalf("%q: other keys", b)
		}
		out, ids := make([]int32, 4*n), make([]int32, 4*n)
		for k := 0; k < n; k++ {
			found, o := got.look(k, n, slots, out)
			if f, w := want.lookPlain(k, n, slots, ids); found != f || o != w || !slices.Equal(out[:o], ids[:o]) {
				t.Fatalf("%q: %d pieces and %d ids from %d on, want %d and %d", b, found, o, k, f, w)
			}
		}
	}
}
