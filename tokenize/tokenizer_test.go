package tokenize

import (
	"path/filepath"
	"strings"
	"testing"
)

const sample = `The smith's forge glows. "Don't touch it," she said; 1234 sparks fell at 17:05.
El herrero golpeó el hierro — ¡cuánto ruido! — y la niña se rió.

	if x != nil { return fmt.Errorf("%d", x) }   
Der Schmied hämmert, 鍛冶屋が鉄を打つ。 Кузнец куёт железо. 🔨👩‍🏭
`

// learned returns a small tokenizer of our own text.
func learned(t testing.TB, change func(*Learn)) *Tokenizer {
	t.Helper()
	l := NewLearn()
	l.VocabSize = 400
	if change != nil {
		change(l)
	}
	p, _, err := PatternOf(l.Pattern)
	if err != nil {
		t.Fatal(err)
	}
	c := newWordCounter()
	c.count(p, asBytes(strings.Repeat(sample, 3)), false)
	tr, err := l.train(t.Context(), c.words(), nil)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tr.Tokenizer(0)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestRoundTrip(t *testing.T) {
	for _, pattern := range PatternNames() {
		tok := learned(t, func(l *Learn) { l.Pattern = pattern })
		ids := tok.appendIDs(nil, sample)
		if got := tok.Decode(ids); got != sample {
			t.Errorf("%s: decoded %q", pattern, got)
		}
		n := 0
		for _, id := range ids {
			n += tok.ByteLen(id)
		}
		if n != len(sample) || len(ids)*2 > len(sample) {
			t.Errorf("%s: %d ids stand for %d bytes of %d", pattern, len(ids), n, len(sample))
		}
		name := filepath.Join(t.TempDir(), "tokenizer.json")
		if err := tok.Save(name); err != nil {
			t.Fatal(err)
		}
		again, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := again.appendIDs(nil, sample); !equalIDs(got, ids) {
			t.Errorf("%s: loaded again it encodes differently", pattern)
		}
	}
}

func TestSpecialTokensAreNotTakenFromText(t *testing.T) {
	tok := learned(t, nil)
	const text = "one<|endoftext|>two"
	plain, special := tok.appendIDs(nil, text), tok.appendIDsSpecial(nil, text)
	eot := tok.EndOfText()
	if strings.Count(tok.DecodeAll(plain), EndOfText) != 1 || tok.Decode(plain) != text {
		t.Errorf("the text does not survive: %q", tok.Decode(plain))
	}
	for _, id := range plain {
		if tok.Special(id) {
			t.Errorf("AppendIDs made the special token %d", id)
		}
	}
	n := 0
	for _, id := range special {
		if id == eot {
			n++
		}
	}
	if n != 1 || tok.Decode(special) != "onetwo" || tok.DecodeAll(special) != text {
		t.Errorf("AppendIDsSpecial: %v", special)
	}
}

func equalIDs(a, b []int32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
