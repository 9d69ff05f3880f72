package tokenize

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// What is easily got wrong, each with the reason.

func pieces(t *testing.T, pattern, text string) []string {
	t.Helper()
	p, _, err := PatternOf(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return p.pieces(text)
}

// trainOn learns from text without files.
func trainOn(t *testing.T, text string, change func(*Learn)) (*Trained, *Tokenizer) {
	t.Helper()
	l := NewLearn()
	l.Special = []string{EndOfText}
	l.VocabSize = 300
	if change != nil {
		change(l)
	}
	p, _, err := PatternOf(l.Pattern)
	if err != nil {
		t.Fatal(err)
	}
	c := newWordCounter()
	l.count(c, p, text)
	tr, err := l.train(t.Context(), c.words(), nil)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tr.Tokenizer(0)
	if err != nil {
		t.Fatal(err)
	}
	return tr, tok
}

// The numbers are those of a list of what is easily got wrong. The pieces are
// those of Hugging Face tokenizers 0.23.3 and, where a text ends in white space,
// of tiktoken 0.14:
//
//	pre_tokenizers.Split(Regex(pattern.Regex), "isolated").pre_tokenize_str(text)
//	[encoding.decode([id]) for id in encoding.encode(text)]
type cut struct {
	why, pattern, text string
	want               []string
}

func wantCuts(t *testing.T, cuts []cut) {
	t.Helper()
	for _, c := range cuts {
		if got := pieces(t, c.pattern, c.text); !slices.Equal(got, c.want) {
			t.Errorf("%s: %s %q: %q, want %q", c.why, c.pattern, c.text, got, c.want)
		}
	}
}

func TestTrap01SpacesBeforeWords(t *testing.T) {
	wantCuts(t, []cut{
		{`\s+(?!\S) leaves the last space to the word`, "gpt2", "a   b", []string{"a", "  ", " b"}},
		{"two line ends before text are two pieces", "gpt2", "foo\n\nbar", []string{"foo", "\n", "\n", "bar"}},
		{`\s*[\r\n]+ keeps them together`, "cl100k", "foo\n\nbar", []string{"foo", "\n\n", "bar"}},
	})
}

func TestTrap02SpacesAtTheEnd(t *testing.T) {
	wantCuts(t, []cut{
		{`\s++$ takes all white space at the end`, "cl100k", "today\n  \n  ", []string{"today", "\n  \n  "}},
		{"which Llama 3 does not", "llama3", "today\n  \n  ", []string{"today", "\n  \n", "  "}},
		{"nor o200k", "o200k", "today\n  \n  ", []string{"today", "\n  \n", "  "}},
	})
}

func TestTrap04SuffixesFold(t *testing.T) {
	wantCuts(t, []cut{
		{"the long s folds to s", "cl100k", "'ſx", []string{"'ſ", "x"}},
		{"GPT-2's suffixes know no capitals", "gpt2", "I'LL we'll", []string{"I", "'", "LL", " we", "'ll"}},
		{"others' do", "llama3", "I'LL", []string{"I", "'LL"}},
	})
}

func TestTrap05WhiteSpaceIsUnicodes(t *testing.T) {
	wantCuts(t, []cut{
		{"U+0085 is white space", "gpt2", " \u0085\u2028\u3000x", []string{" \u0085\u2028", "\u3000", "x"}},
		{"U+FEFF is not", "gpt2", "\ufeffx", []string{"\ufeff", "x"}},
		{"nor is U+180E any more", "gpt2", "a\u180eb", []string{"a", "\u180e", "b"}},
	})
}

func TestPieces(t *testing.T) {
	wantCuts(t, []cut{
		{`\p{N}{1,3} is not repeated`, "cl100k", "１２３４", []string{"１２３", "４"}},
		{"Qwen takes numbers one by one", "qwen", "1234", []string{"1", "2", "3", "4"}},
		{"a capital begins a word in o200k", "o200k", "HTTPServer's", []string{"HTTPServer's"}},
		{"and small letters end one", "o200k", "camelCase", []string{"camel", "Case"}},
		{"a slash ends punctuation", "o200k", "//\n/a", []string{"//\n/", "a"}},
		{"invalid bytes stand alone and are no letters", "gpt2", "a\xffb\xc3", []string{"a", "\xff", "b", "\xc3"}},
	})
}

// Oniguruma reads {1,3}+ as a repetition; written into a tokenizer.json it would
// make one piece of any number. It is read as tiktoken means it, and never written.
func TestTrap03PossessiveRange(t *testing.T) {
	for _, p := range patterns {
		if strings.Contains(p.Regex, ",3}+") {
			t.Errorf("%s is written as %s", p.Name, p.Regex)
		}
		for _, also := range p.also {
			if q, slow, err := PatternOf(also); q != p || slow || err != nil {
				t.Errorf("%s is not known by %s", p.Name, also)
			}
		}
	}
	if got := pieces(t, `\p{N}{1,3}+|\P{N}++`, "12345a"); !slices.Equal(got, []string{"12345", "a"}) {
		t.Errorf("in an unknown regex it must repeat, as in Oniguruma: %q", got)
	}
}

func TestTrap06UnicodeVersion(t *testing.T) {
	if UnicodeVersion != "16.0.0" {
		t.Error(UnicodeVersion)
	}
	for r, want := range map[rune]class{0x1C8A: lower, 0xA7DA: upper, 0x10D40: number, 0xA7CE: other, 'ª': letter, 'ǅ': upper, 0x180E: other, 0x0301: mark, '½': number, 0x10FFFF: other} {
		if got := runeClass(r); got != want {
			t.Errorf("%U has class %d, want %d", r, got, want)
		}
	}
}

func TestTrap07ByteOrder(t *testing.T) {
	_, hf := trainOn(t, "zz ", nil)
	_, ranks := trainOn(t, "zz ", func(l *Learn) { l.Ties = TiesBytes })
	for id, want := range []string{EndOfText, "!", "\""} {
		if got, _ := hf.Token(int32(id)); got != want {
			t.Errorf("hf: id %d is %q, want %q", id, got, want)
		}
	}
	for _, b := range []int{0, 'A', 0xFF} {
		if got, _ := ranks.Token(int32(b)); got != string(byteRune[b]) {
			t.Errorf("bytes: id %d is %q", b, got)
		}
	}
	if eot := ranks.EndOfText(); int(eot) != ranks.VocabSize()-1 {
		t.Errorf("bytes: %s is %d of %d, not the last", EndOfText, eot, ranks.VocabSize())
	}
	// The space is the first printable byte, but Ġ comes after all letters.
	const text = " a a ab ab"
	_, hf = trainOn(t, text, nil)
	if m := mergesIn(t, hf)[0]; m != [2]string{"Ġ", "a"} {
		t.Errorf("the most frequent pair is not first: %q", m)
	}
	_, hf = trainOn(t, "ab cd ab cd", func(l *Learn) { l.Pattern = `\w+|\W` })
	if m := mergesIn(t, hf); m[0] != [2]string{"a", "b"} || m[1] != [2]string{"c", "d"} {
		t.Errorf("ties go by the smaller ids: %q", m)
	}
}

func TestTrap07TiesDiffer(t *testing.T) {
	// Pairs "x~" and "x\x01" are equally frequent; '~' has the smaller id in the
	// order of characters, \x01 in the order of bytes.
	const text = "x~ x\x01 x~ x\x01"
	whole := func(l *Learn) { l.Pattern = `[^ ]+| ` }
	_, hf := trainOn(t, text, whole)
	_, ranks := trainOn(t, text, func(l *Learn) { whole(l); l.Ties = TiesBytes })
	if got := mergesIn(t, hf)[0]; got != [2]string{"x", "~"} {
		t.Errorf("hf: first merge %q", got)
	}
	if got := mergesIn(t, ranks)[0]; got != [2]string{"x", string(byteRune[1])} {
		t.Errorf("bytes: first merge %q", got)
	}
}

func TestTrap08MergeIntoExistingToken(t *testing.T) {
	_, tok := trainOn(t, strings.Repeat("<x> ", 9), func(l *Learn) {
		l.Pattern, l.Special = `[^ ]+| `, []string{EndOfText, "<x>"}
	})
	merges := mergesIn(t, tok)
	if last := merges[len(merges)-1]; last[0]+last[1] != "<x>" {
		t.Fatalf("merges %q do not reach <x>", merges)
	}
	if tok.VocabSize() != 258+len(merges)-1 {
		t.Errorf("%d tokens after %d merges: the special token should have been reused", tok.VocabSize(), len(merges))
	}
}

func TestTrap09Units(t *testing.T) {
	const text = "one\n\ntwo\n\nthree\n\n"
	_, doc := trainOn(t, text, func(l *Learn) { l.Pattern = "cl100k" })
	_, line := trainOn(t, text, func(l *Learn) { l.Pattern, l.Unit = "cl100k", UnitLine })
	if _, ok := doc.ID("ĊĊ"); !ok {
		t.Error("doc: two line ends are one piece, but no token was learned")
	}
	if _, ok := line.ID("ĊĊ"); ok {
		t.Error("line: no piece holds two line ends, but a token was learned")
	}
}

func TestTrap10AllBytes(t *testing.T) {
	_, tok := trainOn(t, "aaa", nil)
	for b := range 256 {
		if ids := tok.appendIDs(nil, string([]byte{byte(b)})); len(ids) != 1 || tok.ByteLen(ids[0]) != 1 {
			t.Errorf("byte 0x%02X: ids %v", b, ids)
		}
	}
}

func TestTrap11CountsBeyond32Bits(t *testing.T) {
	c := newWordCounter()
	c.addWord("qz", 3<<32)
	c.addWord("th", 1<<33)
	c.addWord("th", 3<<32)
	l := NewLearn()
	tr, err := l.train(t.Context(), c.words(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if tr.Merges != 2 || tr.Counts[0] != 5<<32 || tr.Counts[1] != 3<<32 {
		t.Errorf("%d merges, counts %v", tr.Merges, tr.Counts)
	}
}

func TestTrap13RanksAreNotMerges(t *testing.T) {
	// No two tokens make up "abc", yet it is a token: tiktoken takes a piece that
	// is one as it is.
	tokens := make([]string, 0, 258)
	for b := range 256 {
		tokens = append(tokens, string([]byte{byte(b)}))
	}
	tok, err := fromRanks(append(tokens, "abc", "ax", "axy", "xy"), "gpt2", nil)
	if err != nil {
		t.Fatal(err)
	}
	if ids := tok.appendIDs(nil, "abc"); !slices.Equal(ids, []int32{256}) {
		t.Errorf("abc: %v", ids)
	}
	// "axy" comes of a+xy here, though its first cut was ax+y.
	if ids := tok.appendIDs(nil, "zaxyz"); !slices.Equal(ids, []int32{'z', 258, 'z'}) {
		t.Errorf("zaxyz: %v", ids)
	}
	again := reloaded(t, tok)
	if ids := again.appendIDs(nil, "abc zaxyz"); !slices.Equal(ids, tok.appendIDs(nil, "abc zaxyz")) {
		t.Error("saved as tokenizer.json it encodes differently")
	}
}

// Ids of Hugging Face tokenizers 0.23.3, for a vocabulary of single characters (x, which is one, keeps its id there):
//
//	t = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate("abcx ")}, merges=[]))
//	t.add_tokens([AddedToken(...)...]); t.encode(text).tokens
func TestTrap14AddedTokens(t *testing.T) {
	for _, c := range []struct {
		why, added, text string
		want             []int32
	}{
		{"before the text is cut, the longest", `{"id":5,"content":"ab"},{"id":6,"content":"abc"}`, "xabcab", []int32{3, 6, 5}},
		{"a word that touches another is passed over whole", `{"id":5,"content":"ab"},{"id":6,"content":"abc","single_word":true}`, "xabcab", []int32{3, 0, 1, 2, 5}},
		{"white space goes along, but the search goes on behind the token itself", `{"id":5,"content":"x","rstrip":true},{"id":6,"content":" a"}`, "bx ab", []int32{1, 5, 6, 1}},
		{"a run of a token that takes what follows", `{"id":5,"content":"  ","rstrip":true}`, "b     b", []int32{1, 5, 5, 1}},
		{"unless it takes what precedes as well", `{"id":5,"content":"  ","lstrip":true,"rstrip":true}`, "b     b", []int32{1, 5, 1}},
		{"white space before it", `{"id":5,"content":"x","lstrip":true}`, "b   xb", []int32{1, 5, 1}},
		{"those to be normalized come second, though nothing normalizes", `{"id":5,"content":"abc","normalized":true},{"id":6,"content":"bc"}`, "abc", []int32{0, 6}},
	} {
		tok, err := Parse([]byte(`{"added_tokens":[` + c.added + `],"model":{"type":"BPE","vocab":{"a":0,"b":1,"c":2,"x":3," ":4},"merges":[]}}`))
		if err != nil {
			t.Error(err)
			continue
		}
		if got := tok.appendIDs(nil, c.text); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q: %v, want %v", c.why, c.text, got, c.want)
		}
	}
}

func TestTrap15BytesAreJoined(t *testing.T) {
	_, tok := trainOn(t, "aaa", nil)
	ids := tok.appendIDs(nil, "é🔨")
	if len(ids) != 6 || tok.Decode(ids) != "é🔨" {
		t.Errorf("%v decodes to %q", ids, tok.Decode(ids))
	}
	for _, c := range []struct{ bytes, want string }{
		{"\xe2\x82", "\ufffd"}, {"\xff\xff", "\ufffd\ufffd"}, {"\xed\xa0\x80", "\ufffd\ufffd\ufffd"}, {"a\xf0\x9f\x94b", "a\ufffdb"},
		{"\xf0\x80\x80", "\ufffd\ufffd\ufffd"}, {"\xe0\x9f", "\ufffd\ufffd"}, {"\xf4\x90", "\ufffd\ufffd"},
	} {
		if got := string(appendValid(nil, []byte(c.bytes))); got != c.want {
			t.Errorf("%q becomes %q, want %q", c.bytes, got, c.want)
		}
	}
	llama, err := Load(filepath.Join("testdata", "peers", "llama2.json"))
	if err != nil {
		t.Fatal(err)
	}
	var b []int32
	for _, c := range []byte("ŵ") {
		id, ok := llama.ID(fmt.Sprintf("<0x%02X>", c))
		if !ok || llama.ByteLen(id) != 1 {
			t.Fatalf("byte token %02X: %d bytes", c, llama.ByteLen(id))
		}
		b = append(b, id)
	}
	if got := llama.Decode(b); got != "ŵ" {
		t.Errorf("byte tokens decode to %q", got)
	}
}

func TestTrap16MergeForms(t *testing.T) {
	const head = `{"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"use_regex":true},"decoder":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":0,"b":1,"c":2,"ab":3,"bc":4,"Ġ":5},"merges":`
	for _, c := range []struct {
		merges string
		want   []int32 // of abc
	}{
		{`["a b","b c"]`, []int32{3, 2}},
		{`[["a","b"],["b","c"]]`, []int32{3, 2}},
		{`["#version: 0.2","b c","a b"]`, []int32{0, 4}},
		{`[["a","b"],["b","c"],["a","b"]]`, []int32{0, 4}}, // of two equal merges the later counts
	} {
		tok, err := Parse([]byte(head + c.merges + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		if ids := tok.appendIDs(nil, "abc"); !slices.Equal(ids, c.want) {
			t.Errorf("%s: %v, want %v", c.merges, ids, c.want)
		}
	}
	for _, merges := range []string{`["a b c"]`, `["ab"]`, `[["a",""]]`, `[["a","z"]]`, `[1]`, `7`} {
		if _, err := Parse([]byte(head + merges + `}}`)); err == nil {
			t.Errorf("merges %s: no error", merges)
		}
	}
}

func TestTrap17LineEndsAndInvalidBytes(t *testing.T) {
	name := filepath.Join(t.TempDir(), "old.txt")
	if err := os.WriteFile(name, []byte("one\r\ntwo \xff\xfe\r\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	l := NewLearn()
	tr, err := l.Files(t.Context(), Files{Paths: []string{name}})
	if err != nil {
		t.Fatal(err)
	}
	warnings := strings.Join(tr.Warnings, "\n")
	if !strings.Contains(warnings, "2 carriage returns") || !strings.Contains(warnings, "2 bytes are not UTF-8") {
		t.Errorf("warnings: %s", warnings)
	}
	if _, err := l.Files(t.Context(), Files{Paths: []string{name}, Reject: true}); err == nil || !strings.Contains(err.Error(), "old.txt") {
		t.Errorf("Reject: %v", err)
	}
}

// Every byte sequence of up to four bytes that begins unlike the one before is
// cut as the standard library cuts it.
func TestClassAtIsUTF8(t *testing.T) {
	edges := []byte{0, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff}
	for c0 := range 256 {
		for _, c1 := range edges {
			for _, c2 := range edges {
				for _, c3 := range edges {
					b := []byte{byte(c0), c1, c2, c3}
					for n := 1; n <= 4; n++ {
						r, want := utf8.DecodeRune(b[:n])
						k, w := classAt(b[:n], 0)
						if r == utf8.RuneError && want == 1 {
							if k != other || w != 1 {
								t.Fatalf("% x: class %d, %d bytes", b[:n], k, w)
							}
						} else if k != runeClass(r) || w != want {
							t.Fatalf("% x: class %d, %d bytes, want %d, %d", b[:n], k, w, runeClass(r), want)
						}
					}
				}
			}
		}
	}
}

func TestLongPiecesAreNotQuadratic(t *testing.T) {
	_, tok := trainOn(t, strings.Repeat("aaaaaaaa ", 50)+"  \n\n   !!!!!!", nil)
	for _, text := range []string{strings.Repeat("a", 1e6), strings.Repeat(" ", 1e6), strings.Repeat("!", 1e6), strings.Repeat("👩\u200d🏭", 1e5), strings.Repeat("\xff", 1e6)} {
		if got := string(tok.AppendBytes(nil, tok.appendIDs(nil, text)...)); got != text {
			t.Errorf("%d times %q does not come back", len(text), text[:1])
		}
	}
}
