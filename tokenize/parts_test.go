package tokenize

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Parts of a tokenizer.json that the small tokenizers in testdata/peers do not
// reach. All that is wanted here is what Hugging Face tokenizers 0.23.3 returns:
//
//	normalizers.NFC().normalize_str(text)
//	pre_tokenizers.Whitespace().pre_tokenize_str(text)
//	decoders.CTC(pad_token="<pad>").decode(tokens)
//	tokenizer.encode(a, b).ids

// Young characters are normalized by the version that the part goes by.
func TestNormalizersByTheirUnicode(t *testing.T) {
	const text = "\u0898\u0301\u0323e\u0301 \u32ff \U00011938 \u1c89 \u1cf2 ﬁ İΣ"
	for _, c := range []struct{ part, text, want string }{
		{`{"type":"NFC"}`, text, "\u0898\u0323\u0301é \u32ff \U00011938 \u1c89 \u1cf2 ﬁ İΣ"},
		{`{"type":"NFD"}`, text, "\u0898\u0323\u0301e\u0301 \u32ff \U00011938 \u1c89 \u1cf2 ﬁ I\u0307Σ"},
		{`{"type":"NFKC"}`, text, "\u0898\u0323\u0301é \u32ff \U00011938 \u1c89 \u1cf2 fi İΣ"},
		{`{"type":"NFKD"}`, text, "\u0898\u0323\u0301e\u0301 \u32ff \U00011938 \u1c89 \u1cf2 fi I\u0307Σ"},
		{`{"type":"StripAccents"}`, text, "\u0898e \u32ff \U00011938 \u1c89  ﬁ İΣ"},
		{`{"type":"Lowercase"}`, text, "\u0898\u0301\u0323e\u0301 \u32ff \U00011938 \u1c8a \u1cf2 ﬁ i\u0307σ"},
		{`{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"lowercase":true}`, "Ábç\u1734 \u0890x中 \U00010d50", "abc \u0890x 中  \U00010d70"},
	} {
		n, err := new(Tokenizer).readNorm([]byte(c.part))
		if err != nil {
			t.Error(err)
		} else if got := normalize(n, c.text); got != c.want {
			t.Errorf("%s: %+q becomes %+q, want %+q", c.part, c.text, got, c.want)
		}
	}
}

func TestPreTokenizersByTheirUnicode(t *testing.T) {
	for _, c := range []struct {
		part, text string
		want       []string
	}{
		{`{"type":"Whitespace"}`, "aⒶx \U00010d40b ²c", []string{"aⒶx", "\U00010d40b", "²", "c"}},
		{`{"type":"Punctuation","behavior":"Isolated"}`, "a\u104a\U00011aa2$b", []string{"a", "\u104a", "\U00011aa2", "$", "b"}},
		{`{"type":"Digits","individual_digits":true}`, "a½\U00010d401", []string{"a", "½", "\U00010d40", "1"}},
		{`{"type":"FixedLength","length":2}`, "añ中cd", []string{"añ", "中c", "d"}},
		{`{"type":"Sequence","pretokenizers":[{"type":"ByteLevel","add_prefix_space":false},{"type":"Digits"}]}`, "a 12", []string{"a", "Ġ", "12"}},
	} {
		p, err := new(Tokenizer).readPre([]byte(c.part))
		if err != nil {
			t.Error(err)
			continue
		}
		var got []string
		for _, s := range p.cut([]piece{{c.text, true}}) {
			got = append(got, s.text)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q: %q, want %q", c.part, c.text, got, c.want)
		}
	}
}

func TestDecoders(t *testing.T) {
	for _, c := range []struct {
		part   string
		tokens []string
		want   string
	}{
		{`{"type":"CTC","pad_token":"<pad>","word_delimiter_token":"|","cleanup":true}`, []string{"h", "e", "e", "<pad>", "l", "<pad>", "l", "o", "|", " ,", "w"}, "hello ,w"},
		{`{"type":"WordPiece","prefix":"##","cleanup":true}`, []string{"do", "##n", " n't", "not", "."}, "don n't not."},
	} {
		d, err := readDecoder([]byte(c.part))
		if err != nil {
			t.Error(err)
		} else if got := d.text(c.tokens); got != c.want {
			t.Errorf("%s: %q is %q, want %q", c.part, c.tokens, got, c.want)
		}
	}
}

// Ids of Hugging Face tokenizers 0.23.3 for "the forge".
func TestTemplate(t *testing.T) {
	for name, want := range map[string][]int32{
		"bert":   {2, 169, 218, 276, 111, 3},
		"llama2": {402, 383, 497, 299, 297},
		"gpt2":   {84, 259, 261, 379, 71, 69},
	} {
		tok, err := Load(filepath.Join("testdata", "peers", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if got := tok.WithTemplate(tok.appendIDs(nil, "the forge")); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// What is not known is refused by name; what is known but not done is said.
func TestUnknownParts(t *testing.T) {
	const rest = `"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}`
	for part, name := range map[string]string{
		`"normalizer":{"type":"Mystery"},` + rest:                                                 `normalizer "Mystery"`,
		`"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"UnicodeScripts"}]},` + rest: `pre_tokenizer "UnicodeScripts"`,
		`"post_processor":{"type":"Mystery"},` + rest:                                             `post_processor "Mystery"`,
		`"decoder":{"type":"Sequence","decoders":[{"type":"Mystery"}]},` + rest:                   `decoder "Mystery"`,
		`"model":{"type":"Mystery"}}`:                                                             `model "Mystery"`,
		`"post_processor":{"type":"Sequence","processors":[{"type":"BertProcessing","cls":["a",0],"sep":["a",0]},{"type":"BertProcessing","cls":["a",0],"sep":["a",0]}]},` + rest: "more than one",
	} {
		if _, err := Parse([]byte("{" + part)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", part, err)
		}
	}
	tok, err := Parse([]byte(`{"truncation":{"max_length":3},"padding":{"strategy":"BatchLongest"},"model":{"type":"BPE","dropout":0.1,"vocab":{"a":0},"merges":[]}}`))
	if err != nil || len(tok.Warnings()) != 3 {
		t.Errorf("%v, %v", tok.Warnings(), err)
	}
}

// Pieces of Hugging Face tokenizers 0.23.3: where the first character is normalized
// away, none stands at the beginning.
func TestMetaspaceFirstGoesByTheTextAsItWas(t *testing.T) {
	for normalizer, texts := range map[string]map[string][]int32{
		`{"type":"Strip","strip_left":true,"strip_right":true}`:      {"a a": {1, 0, 1, 0}, " a a": {0, 1, 0}},
		`{"type":"StripAccents"}`:                                    {"a": {1, 0}, "\u0301a": {0}, " \u0301a": {1, 0}},
		`{"type":"Prepend","prepend":"a"}`:                           {"a": {1, 0, 0}, " a": {1, 0, 1, 0}},
		`{"type":"Replace","pattern":{"Regex":"\\s+"},"content":""}`: {"a": {1, 0}, "  a a": {0, 0}},
	} {
		tok, err := Parse([]byte(`{"normalizer":` + normalizer + `,"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":true},
			"model":{"type":"BPE","vocab":{"a":0,"▁":1},"merges":[]}}`))
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range texts {
			if got := tok.appendIDs(nil, text); !slices.Equal(got, want) {
				t.Errorf("%s: %q: %v, want %v", normalizer, text, got, want)
			}
		}
	}
}
