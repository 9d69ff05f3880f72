package tokenize

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

var seeds = []string{
	"", " ", sample, "don't I'LL 'ſ x's", "a  b\n\n c \t\r\n  ", "１２３４ 12345 ½Ⅷ", "camelCase HTTPServer's ǅabc", "\xff\xc3\x28 \xed\xa0\x80",
	"//\n/a ...\r\n", "\u0085\u00a0\u2028\u3000x", "é e\u0301 \u0301 中の한 👩\u200d🏭", strings.Repeat("ab", 40) + strings.Repeat(" ", 20), "<|endoftext|>", "a\x00b",
}

func checkPieces(t interface{ Errorf(string, ...any) }, text string) {
	for _, p := range patterns {
		var joined strings.Builder
		got := p.pieces(text)
		for _, s := range got {
			if s == "" {
				t.Errorf("%s: %q has an empty piece", p.Name, text)
			}
			joined.WriteString(s)
		}
		if joined.String() != text {
			t.Errorf("%s: the pieces of %q are %q", p.Name, text, got)
		}
		if k := lastWord([]byte(text)); !slices.Equal(append(p.pieces(text[:k]), p.pieces(text[k:])...), got) {
			t.Errorf("%s: divided at %d, %q is cut otherwise than %q", p.Name, k, text, got)
		}
		if !comparable15(text) {
			continue
		}
		want := slowPattern(p)
		if pieces := want.pieces(text); !slices.Equal(got, pieces) {
			t.Errorf("%s: %q: %q, want %q", p.Name, text, got, pieces)
		}
	}
}

var slowPatterns = map[string]*Pattern{}

func slowPattern(p *Pattern) *Pattern {
	if slowPatterns[p.Name] == nil {
		q, err := regexPattern(p.Regex)
		if err != nil {
			panic(err)
		}
		slowPatterns[p.Name] = q
	}
	return slowPatterns[p.Name]
}

// comparable15 says whether the general engine, which has another version of
// Unicode and does not fold the long s, can judge a text.
func comparable15(text string) bool {
	for i, r := range text {
		if r == utf8.RuneError {
			if _, w := utf8.DecodeRuneInString(text[i:]); w == 1 {
				return false // regexp2 takes it for U+FFFD, which is as good, but not the same bytes
			}
		}
		if r == 'ſ' || !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cc, unicode.Cf, unicode.Co) {
			return false
		}
	}
	return true
}

func FuzzPieces(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { checkPieces(t, text) })
}

func TestPiecesAgainstRegex(t *testing.T) {
	parts := []string{"a", "b", "s", "t", "l", "L", "r", "e", "E", "S", "M", "'", " ", " ", "\n", "\r", "\t", "\u00a0", "\u0085", "1", "9", "½", "٣", ".", "/", "\u0301", "ñ", "É", "ǅ", "ʰ", "中", "한", "😀", "\ufeff", "\x00", "ß", "\u200d", "ª"}
	rapid.Check(t, func(t *rapid.T) {
		checkPieces(t, strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 1, 24).Draw(t, "parts"), ""))
	})
}

// The quick way gives what the plain one gives, whatever the cache holds, and
// the text comes back.
func checkEncode(t interface{ Errorf(string, ...any) }, toks []*Tokenizer, text string) {
	for _, tok := range toks {
		want := tok.fast.append(nil, &state{cache: newWordCache()}, []byte(text))
		for range 2 {
			if got := tok.appendIDs([]int32{7}, text)[1:]; !slices.Equal(got, want) {
				t.Errorf("%s: %q: %v, want %v", tok.Pattern().Name, text, got, want)
			}
		}
		if got := string(tok.AppendBytes(nil, want...)); got != text {
			t.Errorf("%s: %q comes back as %q", tok.Pattern().Name, text, got)
		}
		n := 0
		for _, id := range want {
			n += tok.ByteLen(id)
		}
		if n != len(text) {
			t.Errorf("%s: %q: the ids stand for %d bytes", tok.Pattern().Name, text, n)
		}
	}
}

func perPattern(t testing.TB) (toks []*Tokenizer) {
	for _, name := range PatternNames() {
		toks = append(toks, learned(t, func(l *Learn) { l.Pattern = name }))
	}
	return toks
}

func FuzzEncode(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	toks := perPattern(f)
	f.Fuzz(func(t *testing.T, text string) { checkEncode(t, toks, text) })
}

func TestEncodeAgainstPlain(t *testing.T) {
	toks := perPattern(t)
	rapid.Check(t, func(t *rapid.T) {
		checkEncode(t, toks, strings.Join(rapid.SliceOfN(rapid.SampledFrom(append(seeds, "the", " forge", "Don", "x")), 1, 30).Draw(t, "parts"), ""))
	})
}

// Whatever a file holds, it loads or it is refused, and what loads can encode.
func FuzzParse(f *testing.F) {
	names, _ := filepath.Glob("testdata/peers/*.json")
	for _, name := range names {
		if data, err := os.ReadFile(name); err == nil && len(data) < 1<<14 {
			f.Add(data)
		}
	}
	f.Add([]byte(`{"model":{"type":"BPE","vocab":{"a":0,"b":16777214},"merges":[]},"added_tokens":[{"id":-1,"content":"x"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := Parse(data)
		if err != nil {
			return
		}
		ids := tok.WithTemplate(tok.appendIDsSpecial(tok.appendIDs(nil, "a é\xff"), "x <|endoftext|>\n"))
		_ = tok.Decode(append(ids, -1, 1<<30))
		if _, err := tok.JSON(); err != nil {
			t.Errorf("it loads, but cannot be saved: %v", err)
		}
	})
}

func FuzzTiktoken(f *testing.F) {
	f.Add([]byte("IQ== 0\nIg== 1\n"))
	f.Add([]byte("!! 0"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if tok, err := parseTiktoken(data, "gpt2"); err == nil {
			tok.Decode(tok.appendIDs(nil, "a é\xff"))
		}
	})
}

func FuzzVocabMerges(f *testing.F) {
	f.Add([]byte(`{"a":0,"b":1,"ab":2}`), []byte("#version: 0.2\na b\n"))
	f.Fuzz(func(t *testing.T, vocab, merges []byte) {
		if tok, err := parseVocabMerges(vocab, merges); err == nil {
			tok.Decode(tok.appendIDs(nil, "ab é\xff"))
		}
	})
}

func FuzzWords(f *testing.F) {
	c := newWordCounter()
	p, _, _ := PatternOf("gpt2")
	c.count(p, asBytes(sample), false)
	name := filepath.Join(f.TempDir(), countFile)
	if err := c.words().save(name); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = newWordCounter().read(bufio.NewReader(bytes.NewReader(data)))
	})
}

// What is counted survives the file, and does not depend on how it was split.
func TestWordsRoundTrip(t *testing.T) {
	p, _, _ := PatternOf("o200k")
	whole, halves, loaded := newWordCounter(), newWordCounter(), newWordCounter()
	for i := range 40 {
		text := strings.Repeat(sample, 1+i%3) + strings.Repeat("longword", i)
		whole.count(p, asBytes(text), false)
		part := newWordCounter()
		part.count(p, asBytes(text), false)
		name := filepath.Join(t.TempDir(), countFile)
		if err := part.words().save(name); err != nil {
			t.Fatal(err)
		}
		if err := loaded.load(name); err != nil {
			t.Fatal(err)
		}
		halves.merge(part)
	}
	want := whole.words()
	for _, c := range []*wordCounter{halves, loaded} {
		if got := c.words(); got.text != want.text || !slices.Equal(got.n, want.n) || !slices.Equal(got.ends, want.ends) {
			t.Error("the counts differ")
		}
	}
	if lost, times := whole.prune(20); whole.distinct() > 20 || lost == 0 || times < lost {
		t.Errorf("pruned to %d words, %d lost", whole.distinct(), lost)
	}
}
