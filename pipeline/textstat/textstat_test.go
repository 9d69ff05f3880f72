package textstat

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTokens(t *testing.T) {
	tests := []struct {
		in            string
		tokens, words []string
	}{
		{"", nil, nil},
		{"Don't stop... now!", []string{"Don't", "stop", "...", "now", "!"}, []string{"Don't", "stop", "now"}},
		{"--Sí--dijo el niño, 3.14 veces.", []string{"--", "Sí", "--", "dijo", "el", "niño", ",", "3.14", "veces", "."},
			[]string{"Sí", "dijo", "el", "niño", "3.14", "veces"}},
		{"¿Qué? «Nada»\n\n\tfin", []string{"¿", "Qué", "?", "«", "Nada", "»", "fin"}, []string{"Qué", "Nada", "fin"}},
		{"#a ##b", []string{"#", "a", "##", "b"}, []string{"a", "b"}},
		{"漢字", []string{"漢", "字"}, []string{"漢", "字"}},
	}
	for _, test := range tests {
		if got := slices.Collect(Tokens(test.in)); !slices.Equal(got, test.tokens) {
			t.Errorf("Tokens(%q) = %q, want %q", test.in, got, test.tokens)
		}
		if got := slices.Collect(Words(test.in)); !slices.Equal(got, test.words) {
			t.Errorf("Words(%q) = %q, want %q", test.in, got, test.words)
		}
		if got := CountWords(test.in); got != len(test.words) {
			t.Errorf("CountWords(%q) = %d, want %d", test.in, got, len(test.words))
		}
	}
}

// The numbers are counted by hand from the definitions in Quality.
func TestQuality(t *testing.T) {
	tests := []struct {
		what, in string
		want     Quality
	}{
		{"nothing", "", Quality{}},
		// five words of 2+3+4+2+5 = 16 letters, one full stop
		{"plain", "My dog sees no birds.", Quality{Words: 5, Tokens: 6, MeanLength: 16. / 5, AlphaWords: 1}},
		// 4 words, one of digits; tokens # # a 12 b c = 5 (the signs are one token)
		{"hashes", "## a 12 b c", Quality{Words: 4, Tokens: 5, MeanLength: 5. / 4, Hashes: 2. / 5, AlphaWords: 3. / 4}},
		// tokens: so ... and … then ... = 6
		{"ellipses", "so... and… then...", Quality{Words: 3, Tokens: 6, MeanLength: 9. / 3, Ellipses: 3. / 6, EllipsisEnds: 1, AlphaWords: 1}},
		// four lines: two bullets, one of which ends in an ellipsis; tokens • a, - b …, c, d
		{"lines", "• a\n  - b…\nc\nd", Quality{Words: 4, Tokens: 7, MeanLength: 1, Ellipses: 1. / 7, BulletLines: .5, EllipsisEnds: .25, AlphaWords: 1}},
		// code points, not bytes
		{"accents", "señor año", Quality{Words: 2, Tokens: 2, MeanLength: 4, AlphaWords: 1}},
	}
	for _, test := range tests {
		if got := MeasureQuality(test.in, TokenList(test.in)); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.what, got, test.want)
		}
	}
}

func TestDistinctWords(t *testing.T) {
	list := []string{"the", "be", "to", "of"}
	for in, want := range map[string]int{"": 0, "the the the": 1, "The theory": 0, "to be or not to be": 2, "of the best to be": 4} {
		if got := DistinctWords(TokenList(in), list); got != want {
			t.Errorf("DistinctWords(%q) = %d, want %d", in, got, want)
		}
	}
}

func TestRepetition(t *testing.T) {
	tests := []struct {
		in   string
		want Repetition
	}{
		{"", Repetition{}},
		{"a\n\nb", Repetition{Lines: 2, Paragraphs: 2}},
		// lines ab cd ab ab: 2 of 4 stood before, 4 of 12 characters (3 line ends and a blank line)
		{"ab\ncd\nab\n\nab", Repetition{Lines: 4, DuplicateLines: .5, LineChars: 4. / 12, Paragraphs: 2}},
		// paragraphs ab, cd, ab: one of three again, 2 of 10 characters
		{"ab\n\ncd\n\nab", Repetition{Lines: 3, DuplicateLines: 1. / 3, LineChars: .2, Paragraphs: 3, DuplicateParas: 1. / 3, ParaChars: .2}},
	}
	for _, test := range tests {
		if got := MeasureRepetition(test.in); got != test.want {
			t.Errorf("%q: %+v, want %+v", test.in, got, test.want)
		}
	}
}

func TestLanguage(t *testing.T) {
	english := "The harbour had been built in the year of the long winter, and nobody now alive had seen it done."
	spanish := "El puerto se construyó en el año del largo invierno, y nadie de los que viven lo había visto hacer."
	german := "Der Hafen war im Jahr des langen Winters gebaut worden, und niemand, der noch lebte, hatte es gesehen."
	for in, want := range map[string]string{
		english: "en", spanish: "es", german: "de", strings.Repeat(spanish+" ", 200): "es", "12 34 !!": "", "": "",
	} {
		if got, score := Language(in); got != want || score < 0 || score > 1 {
			t.Errorf("Language(%.40q) = %s %v, want %s", in, got, score, want)
		}
	}
	if got, _ := Language(spanish, "en", "pt"); got != "pt" {
		t.Errorf("among English and Portuguese, Spanish is %s", got)
	}
	if !KnownLanguage("es") || KnownLanguage("xx") || KnownLanguage("") || KnownLanguage("eng") || UsualCode("eng") != "en" || UsualCode("xx") != "" {
		t.Error("KnownLanguage")
	}
	// of two languages by halves, one of them is named, and the score stays a probability
	czech := "Náhradník prošel po pravé straně a domácí střelec nezaváhal. "
	if got, score := Language(strings.Repeat(czech+"West Brighton. Crystal Wanderers. ", 40)); got != "cs" || score < 0 || score > 1 {
		t.Errorf("Czech with English names is %s %v", got, score)
	}
}

func TestPassages(t *testing.T) {
	var got []string
	for p := range Passages("The harbour had been built in the year of the long winter.\n\n\nEl puerto se construyó\nen el año del largo invierno.\n\n12 34\n") {
		got = append(got, p.Language+": "+p.Text)
	}
	want := []string{"en: The harbour had been built in the year of the long winter.", "es: El puerto se construyó\nen el año del largo invierno.", ": 12 34\n"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestProperties: shares are shares, words are tokens, and the same text always
// gives the same numbers.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("ab #.…-•\nñÑ漢1")), 0, 200, -1)).Draw(t, "text")
		q, r := MeasureQuality(text, TokenList(text)), MeasureRepetition(text)
		for _, v := range []float64{q.BulletLines, q.EllipsisEnds, q.AlphaWords, r.DuplicateLines, r.LineChars, r.DuplicateParas, r.ParaChars} {
			if !(v >= 0 && v <= 1) {
				t.Fatalf("%v is no share: %+v %+v", v, q, r)
			}
		}
		if q.Words > q.Tokens || math.IsNaN(q.MeanLength) {
			t.Fatalf("%+v", q)
		}
		code, score := Language(text)
		for range 3 {
			if c, s := Language(text); c != code || s != score {
				t.Fatalf("%s %v, then %s %v", code, score, c, s)
			}
		}
	})
}

func BenchmarkQuality(b *testing.B) {
	text := strings.Repeat("—¿Quién va? —preguntó el hombre de la puerta; y nadie, salvo el viento, respondió. ", 1000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		MeasureQuality(text, TokenList(text))
	}
}

// The shares are worked out by hand from the definitions in NGrams.
func TestNGrams(t *testing.T) {
	text := "a bb a bb a bb c d e f g h c d e f g x"
	r := MeasureNGrams(text, TokenList(text), 2)
	length := float64(len(text))
	want := NGrams{}
	want.Top[2] = 3 * 4 / length   // "a bb", three times
	want.Top[3] = 2 * 6 / length   // "a bb a", twice, the first of those
	want.Top[4] = 2 * 9 / length   // "a bb a bb"
	want.Duplicate[5] = 5 / length // "cdefg" again
	if r.Top[2] != want.Top[2] || r.Top[3] != want.Top[3] || r.Top[4] != want.Top[4] || r.Duplicate[5] != want.Duplicate[5] || r.Duplicate[6] != 0 {
		t.Errorf("%+v, want %+v", r, want)
	}
	once := "one two three four five six"
	if r := MeasureNGrams(once, TokenList(once), 2); r != (NGrams{}) {
		t.Errorf("what comes once is no top: %+v", r)
	}
	if r := MeasureNGrams(once, TokenList(once), 1); r.Top[2] != float64(len("one two"))/float64(len(once)) {
		t.Errorf("datatrove's top: %+v", r)
	}
}

// TestNGramsPlain: the sums give what comparing strings gives.
func TestNGramsPlain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tokens := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "bb", "ñ", "."}), 0, 60).Draw(t, "tokens")
		text := strings.Join(tokens, " ")
		r := MeasureNGrams(text, tokens, 1)
		for n := 5; n <= 10; n++ {
			seen, chars := map[string]bool{}, 0
			for i := 0; i+n <= len(tokens); {
				if g := strings.Join(tokens[i:i+n], "\x00"); seen[g] {
					chars += len([]rune(strings.Join(tokens[i:i+n], "")))
					i += n
				} else {
					seen[g] = true
					i++
				}
			}
			if want := float64(chars) / float64(max(len([]rune(text)), 1)); r.Duplicate[n] != want {
				t.Fatalf("%d-grams of %q: %v, want %v", n, text, r.Duplicate[n], want)
			}
		}
	})
}

func TestLines(t *testing.T) {
	text := "A line that ends.\nA short one\n\nA line that is quite a bit longer than thirty\nA short one\n"
	got := MeasureLines(text, 20)
	want := Lines{Lines: 4, Terminal: .25, Short: .75, Duplicates: 11. / float64(len(text)-5), Breaks: 5. / 20}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for line, want := range map[string]bool{"Yes.": true, "¿Sí?": true, "。": true, "។": true, "No": false, "No:": false, "": false} {
		if EndsSentence(line) != want {
			t.Errorf("EndsSentence(%q) is %v", line, !want)
		}
	}
}

// The right answers are spaCy 3.8's: [t.text for t in spacy.blank("en")(text)].
func TestEnglishTokens(t *testing.T) {
	for in, want := range map[string]string{
		`"Don't," he said, "we'll see."`:              `" Do n't , " he said , " we 'll see . "`,
		"It's a well-known U.S. 10-year (e.g. this).": "It 's a well - known U.S. 10 - year ( e.g. this ) .",
		"Mr. Smith can't pay $5.50/10km...":           "Mr. Smith ca n't pay $ 5.50/10 km ...",
		"wait—what? see www.example.org.":             "wait — what ? see www.example.org .",
		"the cats' 1990s and/or end.Next":             "the cats ' 1990s and/or end . Next",
	} {
		if got := strings.Join(EnglishTokens(in), " "); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if n := Sentences(EnglishTokens("One. Two? \"Three!\" four... five")); n != 4 {
		t.Errorf("%d sentences", n)
	}
}
