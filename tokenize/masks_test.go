package tokenize

import (
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"
)

// cutText cuts a text by blocks as far as they go.
func cutText(p *Pattern, b []byte) (ends []int) {
	for i := 0; i < len(b); {
		starts := uint64(0)
		if i+blockSize <= len(b) {
			starts = p.cuts(b, i) &^ 1
		}
		if starts == 0 {
			i = p.next(b, i)
			ends = append(ends, i)
			continue
		}
		at := i
		for ; starts != 0; starts &= starts - 1 {
			i = at + bits.TrailingZeros64(starts)
			ends = append(ends, i)
		}
	}
	return ends
}

func checkCuts(t interface{ Fatalf(string, ...any) }, text string) {
	b := []byte(text)
	for _, p := range patterns {
		i := 0
		for _, end := range cutText(p, b) {
			if want := p.next(b, i); end != want {
				t.Fatalf("%s: the piece at %d of %q ends at %d, want %d", p.Name, i, text, end, want)
			}
			i = end
		}
	}
}

// Blocks are cut as the scanners cut, wherever they begin.
func TestCutsAgainstScanners(t *testing.T) {
	parts := []string{"a", "b", "s", "t", "l", "L", "r", "e", "E", "S", "M", "'", "'", "'s", "'re", "'LL", "'ſ", " ", " ", " ", "\n", "\n", "\r", "\t", "\u00a0", "\u0085", "\u3000", "1", "9", "12345678", "½", "٣", ".", ",", "(", "/", "\u0301", "ñ", "É", "ǅ", "ʰ", "中", "한", "😀", "👩\u200d🏭", "\ufeff", "\x00", "ß", "ª", "\xff", "\xe4\xb8", "—", "“", "the", " word", "Word", "WORD", "camelCase", "    ", "\n\n", "\r\n"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 60000 {
		var s strings.Builder
		few := 1 + r.IntN(len(parts))
		from := r.IntN(len(parts))
		for s.Len() < 100 {
			s.WriteString(parts[(from+r.IntN(few))%len(parts)])
		}
		checkCuts(t, s.String())
	}
	for range 20000 {
		b := make([]byte, 100)
		for i := range b {
			b[i] = byte(r.Uint32()) >> (r.Uint32() & 1)
		}
		checkCuts(t, string(b))
	}
}

func FuzzCuts(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { checkCuts(t, text+strings.Repeat(" x", blockSize/2)) })
}
