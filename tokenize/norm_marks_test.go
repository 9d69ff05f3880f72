package tokenize

import (
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// Step by step comes out what x/text makes, where its limit does not matter.
func TestAnyMarksAgainstXText(t *testing.T) {
	parts := []rune{'a', 'e', 'A', 'é', 'ṩ', 'ê', 'Ǖ', 'ﬁ', '①', '각', '가', 'ᄀ', 'ᅡ', 'ᆨ', 'の', 'が', 'ｶ', 'ﾞ', 0x3099, 0x301, 0x301, 0x323, 0x304, 0x308, 0x327, 0x345, 0x344, 0x340, 0x5B0, 0x5BC, 0xFB2A, 0x958, 0x93C, 0x9C7, 0x9BE, 0xF71, 0xF72, 0xF73, 0x1D15E, 0x2126, 0x212B, 0xFFFD, 0x34F, ' ', 'ſ', 0x1100, 0x1161}
	r := rand.New(rand.NewPCG(7, 8))
	for range 8000 {
		var b strings.Builder
		from, few := r.IntN(len(parts)), 1+r.IntN(len(parts))
		for range 1 + r.IntN(10) {
			b.WriteRune(parts[(from+r.IntN(few))%len(parts)])
		}
		if r.IntN(8) == 0 {
			b.WriteByte(0xE2)
		}
		for _, form := range []norm.Form{norm.NFC, norm.NFD, norm.NFKC, norm.NFKD} {
			if got, want := anyMarks(form, b.String()), form.String(b.String()); got != want {
				t.Fatalf("form %d of %+q: %+q, want %+q", form, b.String(), got, want)
			}
		}
	}
}

// Ids of Hugging Face tokenizers know no limit of 30 marks in a row.
func TestManyMarks(t *testing.T) {
	acute, below := strings.Repeat("\u0301", 40), strings.Repeat("\u0323", 40)
	for form, want := range map[norm.Form]string{
		norm.NFC:  "\u1eb9" + below[2:] + acute + "x",
		norm.NFD:  "e" + below + acute + "x",
		norm.NFKC: "\u1eb9" + below[2:] + acute + "x",
		norm.NFKD: "e" + below + acute + "x",
	} {
		if got := normalForm(whole(form))("e" + acute + below + "x"); got != want {
			t.Errorf("form %d: %+q, want %+q", form, got, want)
		}
	}
}
