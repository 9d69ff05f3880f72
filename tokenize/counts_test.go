package tokenize

import (
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
)

// counted returns what a counter holds.
func (c *wordCounter) counted() map[string]int64 {
	out := map[string]int64{}
	w := c.words()
	for i, n := range w.n {
		out[w.at(i)] = n
	}
	return out
}

// The counter cuts whole blocks of text at once, lines and all; this is what it
// should find.
func countPlain(p *Pattern, text string, lines bool) map[string]int64 {
	out := map[string]int64{}
	for line := range strings.Lines(text) {
		if !lines {
			line = text
		}
		for _, word := range p.pieces(line) {
			out[word]++
		}
		if !lines {
			break
		}
	}
	return out
}

func TestCountsAgainstPlain(t *testing.T) {
	parts := []string{"a", "the", " ", "  ", "\n", "\n\n", "\r\n", "\r", "\t", " \n", "  \r\n", "/", "//", ".", ",\n", "./\n", "'s", "'LL", "12", "3456", "é", "Ñ", "字",
		"\u00a0", "\u00a0\n", "\u2028", "\u3000\n", "\xff", "\xe2\x82", "🔨", "\u0301", "２", "\v", "\x00", "longer", "internationalization", strings.Repeat("z", 70), strings.Repeat(" ", 67)}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 2000 {
		var b strings.Builder
		few := parts[:1+r.IntN(len(parts))]
		for range r.IntN(120) {
			b.WriteString(few[r.IntN(len(few))])
			if r.IntN(3) == 0 {
				b.WriteByte("\n  etaoin"[r.IntN(9)])
			}
		}
		text := b.String()
		p := patterns[i%len(patterns)]
		for _, lines := range []bool{true, false} {
			c := newWordCounter()
			c.count(p, []byte(text), lines)
			if want, got := countPlain(p, text, lines), c.counted(); !maps.Equal(got, want) {
				for _, m := range []map[string]int64{got, want} {
					for word := range m {
						if got[word] != want[word] {
							t.Errorf("%q: %d, want %d", word, got[word], want[word])
						}
					}
				}
				t.Fatalf("%s, lines %v: %q", p.Name, lines, text)
			}
			at := lastWord([]byte(text))
			if lines {
				at = lastLine([]byte(text))
			}
			c = newWordCounter()
			c.count(p, []byte(text[:at]), lines)
			c.count(p, []byte(text[at:]), lines)
			if got := c.counted(); !maps.Equal(got, countPlain(p, text, lines)) {
				t.Fatalf("%s, lines %v: divided at %d, %q is cut otherwise", p.Name, lines, at, text)
			}
		}
	}
}
