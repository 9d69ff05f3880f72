package minhash

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestMinimum: every body gives what the plain one does, for all lengths.
func TestMinimum(t *testing.T) {
	b := NewBands(14, 8)
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 131 {
		x := make([]uint64, n+1)[1:]
		for i := range x {
			x[i] = random.Uint64()
		}
		want := b.Start(nil)
		for i := 0; i < len(want); i += block {
			minimumPlain((*[block]uint32)(want[i:]), (*[block]uint32)(b.mul[i:]), (*[block]uint32)(b.add[i:]), x)
		}
		for name, level := range levels() {
			got := b.Start(nil)
			level(func() { b.Add(got, x[:n/2]); b.Add(got, x[n/2:]) })
			if !slices.Equal(got, want) {
				t.Fatalf("%s: %d shingles: another signature", name, n)
			}
		}
	}
}

// TestWords: what a word is, and that texts with the same words have the same shingles.
func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "",
		"Don't stop—NOW! 3.14":        "don t stop now 3 14",
		"El Niño comió crème brûlée.": "el nino comio creme brulee",
		"El Nin\u0303o comio\u0301":   "el nino comio",
		"ΟΔΟΣ οδός Ёлка":              "οδοσ οδοσ елка",
		"co\u00adop\u200dera":         "coopera",
		"吾輩は猫 cat 3匹":                 "吾 輩 は 猫 cat 3 匹",
		"한국어 문장":                      "한국어 문장",
		"x\xffy İ 𝒜 𐐀":                "x y i 𝒜 𐐨",
	} {
		got := Words(text)
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", text, strings.Join(got, " "), want)
		}
		for n := 1; n < 7; n++ {
			a, b := NewScanner(n), NewScanner(n)
			if !slices.Equal(a.Set(text), b.Set(want)) || a.Print != b.Print || a.Words != len(got) {
				t.Errorf("%q: shingles of %d words differ from those of the folded text", text, n)
			}
		}
	}
}

// plainShingles says what the shingles of words are.
func plainShingles(words []string, n int) (all []uint64) {
	hash := func(words []string) (sum uint64) {
		for _, w := range words {
			h := uint64(golden)
			for _, r := range w {
				f := uint64(foldRune(r))
				h = (h + f) * letterK
			}
			sum = sum*wordK + mix(h)
		}
		return mix(sum)
	}
	if len(words) > 0 && len(words) < n {
		return []uint64{hash(words)}
	}
	for i := 0; i+n <= len(words); i++ {
		all = append(all, hash(words[i:i+n]))
	}
	return all
}

// TestShingles: the fast reader gives the shingles of the plain one, in any text.
func TestShingles(t *testing.T) {
	alphabet := []rune("abc ABC .,-\n\u0301\u00adéÉñ猫は0١9𐐀\ufffd")
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOfN(rapid.SampledFrom(alphabet), 0, 3000).Draw(t, "text"))
		n := rapid.IntRange(1, 9).Draw(t, "n")
		s := NewScanner(n)
		s.Read("what was read before leaves no trace")
		var got []uint64
		for some := range s.Shingles(text) {
			got = append(got, some...)
		}
		words := Words(text)
		if want := plainShingles(words, n); !slices.Equal(got, want) || s.Words != len(words) {
			t.Fatalf("%d shingles of %d words, want %d of %d", len(got), s.Words, len(want), len(words))
		}
	})
}

// TestEstimate: signatures agree as often as the sets overlap, without a bias, and the keys meet as the formula says.
func TestEstimate(t *testing.T) {
	b := NewBands(14, 8)
	random := rand.New(rand.NewPCG(7, 7))
	for _, overlap := range []float64{0, .3, .5, .7, .8, .9, 1} {
		const trials = 400
		agree, met := 0.0, 0
		for range trials {
			n := 100 + random.IntN(900)
			shared := int(overlap * float64(n) * 2 / (1 + overlap))
			var x, y []uint64
			for i := range n {
				v := random.Uint64()
				x = append(x, v)
				if i >= shared {
					v = random.Uint64()
				}
				y = append(y, v)
			}
			p, q := b.Start(nil), b.Start(nil)
			b.Add(p, x)
			b.Add(q, y)
			for i := range 112 {
				if p[i] == q[i] {
					agree++
				}
			}
			for band := range 14 {
				if b.Key(p, band) == b.Key(q, band) {
					met++
					break
				}
			}
		}
		agree /= 112 * trials
		want := b.Probability(overlap)
		// 112·400 draws that depend on each other a little: .0025 each; the sets' sizes round by .005
		if math.Abs(agree-overlap) > .02 || math.Abs(float64(met)/trials-want) > .08 {
			t.Errorf("overlap %.2f: signatures agree at %.4f; %d of %d met, want %.0f", overlap, agree, met, trials, want*trials)
		}
	}
}

// TestSimilarity: Jaccard and containment are those of maps.
func TestSimilarity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (set []uint64) {
			set = rapid.SliceOfN(rapid.Uint64Range(0, 40), 0, 60).Draw(t, name)
			slices.Sort(set)
			return slices.Compact(set)
		}
		a, b := draw("a"), draw("b")
		common, all := 0, map[uint64]bool{}
		for _, v := range a {
			all[v] = true
			if slices.Contains(b, v) {
				common++
			}
		}
		for _, v := range b {
			all[v] = true
		}
		if Common(a, b) != common {
			t.Fatalf("%d common, want %d", Common(a, b), common)
		}
		if len(all) > 0 && Jaccard(a, b) != float64(common)/float64(len(all)) {
			t.Fatalf("Jaccard %v", Jaccard(a, b))
		}
		if c := Containment(a, b); c < Jaccard(a, b) || c > 1 {
			t.Fatalf("containment %v below Jaccard %v", c, Jaccard(a, b))
		}
	})
}

// number is the record of the tests.
type number struct{ high, low uint32 }

func (number) Size() int { return 8 }
func (n number) Put(b []byte) {
	binary.BigEndian.PutUint32(b, n.high)
	binary.BigEndian.PutUint32(b[4:], n.low)
}
func (number) Get(b []byte) number {
	return number{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])}
}
func (n number) Compare(o number) int {
	return cmp.Or(cmp.Compare(n.high, o.high), cmp.Compare(n.low, o.low))
}

// TestSorter: whatever the limit, all records come back in order, and no file stays behind.
func TestSorter(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		s := &Sorter[number]{Dir: dir, Limit: rapid.IntRange(1, 50).Draw(t, "limit")}
		for range 2 { // it can be used again
			var want []number
			for range rapid.IntRange(0, 200).Draw(t, "n") {
				n := number{rapid.Uint32Range(0, 9).Draw(t, "high"), rapid.Uint32().Draw(t, "low")}
				want = append(want, n)
				if err := s.Add(n); err != nil {
					t.Fatal(err)
				}
			}
			slices.SortFunc(want, number.Compare)
			var got []number
			for n, err := range s.All() {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, n)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%v, want %v", got, want)
			}
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Fatalf("%d files are left", len(left))
		}
	})
}

// TestRecords: what is written is read and found.
func TestRecords(t *testing.T) {
	var all []number
	for i := range uint32(100) {
		all = append(all, number{i / 3, i})
	}
	var file strings.Builder
	if err := WriteRecords(&file, slices.Values(all)); err != nil {
		t.Fatal(err)
	}
	var got []number
	for n, err := range ReadRecords[number](strings.NewReader(file.String())) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n)
	}
	if !slices.Equal(got, all) {
		t.Error("other records came back")
	}
	for high := range uint32(40) {
		at, err := SearchRecords(strings.NewReader(file.String()), len(all), func(n number) bool { return n.high >= high })
		if want := min(int(3*high), 100); err != nil || at != want {
			t.Errorf("%d found at %d, want %d: %v", high, at, want, err)
		}
	}
	for _, err := range ReadRecords[number](strings.NewReader(file.String()[:12])) {
		if err == nil {
			continue
		}
		return
	}
	t.Error("half a record is no error")
}

// TestUnion: groups are those of a plain search, and are named by their least number.
func TestUnion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const n = 30
		u := NewUnion(n)
		plain := [n]uint32{}
		for i := range plain {
			plain[i] = uint32(i)
		}
		for range rapid.IntRange(0, 40).Draw(t, "joins") {
			x, y := rapid.Uint32Range(0, n-1).Draw(t, "x"), rapid.Uint32Range(0, n-1).Draw(t, "y")
			u.Join(x, y)
			a, b := plain[x], plain[y]
			for i := range plain {
				if plain[i] == a || plain[i] == b {
					plain[i] = min(a, b)
				}
			}
		}
		for i := range plain {
			if u.Find(uint32(i)) != plain[i] {
				t.Fatalf("%d is in group %d, want %d", i, u.Find(uint32(i)), plain[i])
			}
		}
	})
}

func FuzzShingles(f *testing.F) {
	f.Add("El Niño 3.14 猫", 5)
	f.Add("\xff\xfe", 1)
	f.Fuzz(func(t *testing.T, text string, n int) {
		n = 1 + (n%9+9)%9
		s := NewScanner(n)
		k := 0
		for some := range s.Shingles(text) {
			k += len(some)
		}
		if !utf8.ValidString(text) {
			text = strings.ToValidUTF8(text, "\ufffd")
		}
		if words := Words(text); s.Words != len(words) || k != len(plainShingles(words, n)) {
			t.Errorf("%d words, %d shingles; want %d words", s.Words, k, len(words))
		}
	})
}

// BenchmarkSign measures bytes of text a second: from the text to the 14 keys.
func BenchmarkSign(b *testing.B) {
	text := prose(1 << 20)
	for name, level := range levels() {
		b.Run(name, func(b *testing.B) {
			bands, s := NewBands(14, 8), NewScanner(5)
			var sig Signature
			b.SetBytes(int64(len(text)))
			level(func() {
				for b.Loop() {
					sig = bands.Start(sig)
					for some := range s.Shingles(text) {
						bands.Add(sig, some)
					}
					for k := range bands.Bands {
						bands.Key(sig, k)
					}
				}
			})
		})
	}
	b.Run("shingles", func(b *testing.B) {
		s := NewScanner(5)
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			s.Read(text)
		}
	})
}

// prose returns about n bytes of made-up text; or of the book that MINHASH_TEXT names.
func prose(n int) string {
	if name := os.Getenv("MINHASH_TEXT"); name != "" {
		b, err := os.ReadFile(name)
		if err != nil {
			panic(err)
		}
		return string(b)
	}
	random := rand.New(rand.NewPCG(1, 1))
	var vocabulary []string
	for range 5000 {
		w := make([]byte, 1+random.IntN(9))
		for i := range w {
			w[i] = byte('a' + random.IntN(26))
		}
		vocabulary = append(vocabulary, string(w))
	}
	var s strings.Builder
	for i := 0; s.Len() < n; i++ {
		fmt.Fprint(&s, vocabulary[int(math.Pow(5000, random.Float64()))%5000], " ")
		if i%12 == 11 {
			s.WriteString("and so on.\n")
		}
	}
	return s.String()
}
