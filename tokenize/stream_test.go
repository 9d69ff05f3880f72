package tokenize

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// A text that is read in parts has the ids of the whole.
func TestEncodeReader(t *testing.T) {
	text := strings.Repeat(sample+"word\nanother  \n\n x 12\n34\r\nend\n", 60000)
	if len(text) < 3*streamSize {
		t.Fatal("the text fits into one part")
	}
	for _, pattern := range []string{"gpt2", "cl100k", "o200k"} {
		tok := learned(t, func(l *Learn) { l.Pattern = pattern })
		var got []int32
		parts := 0
		err := tok.EncodeReader(iotest.HalfReader(strings.NewReader(text)), func(ids []int32) error {
			got = append(got, ids...)
			parts++
			return nil
		})
		if err != nil || parts < 3 {
			t.Fatalf("%d parts, %v", parts, err)
		}
		if want := tok.appendIDs(nil, text); !slices.Equal(got, want) {
			t.Errorf("%s: %d ids, want %d, or others", pattern, len(got), len(want))
		}
	}
}

// However small the blocks are and whatever lies at their ends.
func TestEncodeReaderAgainstWhole(t *testing.T) {
	parts := []string{"a", "the", " word", " ", "  ", "\n", "\n\n", "\r\n", "\r", "\t", " \r\n", "/", "//\n", ".", ",", ".\r\n", "'", "'s", "'LL", "'r", "e", "12", "3456", "é", "Ñ", "字", "中の", "ʰ", "ǅ",
		"\u00a0", "\u2028", "\u3000\n", "\xff", "\xe2\x82", "\xac", "🔨", "👩\u200d🏭", "\u0301", "２", "½", "\v", "\x00", strings.Repeat("z", 300), strings.Repeat(" ", 300), strings.Repeat("\r\n", 90), strings.Repeat("7", 200)}
	r := rand.New(rand.NewPCG(3, 4))
	for _, tok := range perPattern(t) {
		divided := 0
		for range 1000 {
			var b strings.Builder
			from, few := r.IntN(len(parts)), 1+r.IntN(len(parts))
			for range 1 + r.IntN(200) {
				b.WriteString(parts[(from+r.IntN(few))%len(parts)])
			}
			var got []int32
			size := 8 + r.IntN(120)
			err := tok.encodeBlocks(strings.NewReader(b.String()), size, func(ids []int32) error {
				got = append(got, ids...)
				divided++
				return nil
			})
			if want := tok.appendIDs(nil, b.String()); err != nil || !slices.Equal(got, want) {
				t.Fatalf("%s, blocks of %d, %v: %q has %d ids, want %d, or others", tok.Pattern().Name, size, err, b.String(), len(got), len(want))
			}
		}
		if divided < 3000 {
			t.Errorf("%s: divided only %d times", tok.Pattern().Name, divided)
		}
	}
}

// A line that its reader's buffer does not hold, and what is around it.
func TestEncodeLongLines(t *testing.T) {
	tok := learned(t, nil)
	long := strings.Repeat("one forge 12\r", 100000)
	lines := []string{"short", long, "", long[:1<<20], long[:1<<20-1], long + "end"}
	for _, o := range []EncodeOptions{{Unit: UnitLine}, {Unit: UnitLine, Reject: true}} {
		var out, want bytes.Buffer
		for _, line := range lines {
			want.WriteByte('[')
			want.Write(appendNumbers(nil, tok.appendIDs(nil, line)))
			want.WriteString("]\n")
		}
		for _, end := range []string{"", "\n"} {
			out.Reset()
			if err := tok.EncodeJSON(&out, strings.NewReader(strings.Join(lines, "\n")+end), o); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out.Bytes(), want.Bytes()) {
				t.Errorf("%+v: %d bytes, want %d, or others", o, out.Len(), want.Len())
			}
		}
	}
}

func TestEncodeAndDecodeJSON(t *testing.T) {
	tok := learned(t, nil)
	const text = "one forge\n\n two é\nlast"
	for _, c := range []struct {
		o    EncodeOptions
		want []string // the texts of the arrays
	}{
		{EncodeOptions{Unit: UnitLine}, []string{"one forge", "", " two é", "last"}},
		{EncodeOptions{Unit: UnitDoc}, []string{text}},
	} {
		var ids bytes.Buffer
		if err := tok.EncodeJSON(&ids, strings.NewReader(text), c.o); err != nil {
			t.Fatal(err)
		}
		var got []string
		for dec := json.NewDecoder(bytes.NewReader(ids.Bytes())); ; {
			var a []int32
			if err := dec.Decode(&a); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			got = append(got, tok.Decode(a))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.o.Unit, got, c.want)
		}
		var back bytes.Buffer
		if err := tok.DecodeJSON(&back, &ids, false); err != nil || back.String() != strings.Join(c.want, "\n")+"\n" {
			t.Errorf("%s: decoded %q, %v", c.o.Unit, back.String(), err)
		}
	}
	err := tok.EncodeJSON(io.Discard, strings.NewReader("fine\nbad \xff\n"), EncodeOptions{Unit: UnitLine, Reject: true})
	if err == nil || !strings.Contains(err.Error(), "line 2") || !strings.Contains(err.Error(), "0xFF at 4") {
		t.Errorf("Reject: %v", err)
	}
	for _, bad := range []string{"[1,", "[99999]", "{}", `["a"]`} {
		if err := tok.DecodeJSON(io.Discard, strings.NewReader(bad), false); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func TestInspectAndCompare(t *testing.T) {
	tok := learned(t, nil)
	p := NewInspector(tok)
	p.Add("The smith's forge glows glows glows.", "en")
	p.Add("El herrero golpeó el hierro.", "es")
	in := p.Inspection(5)
	if in.Vocabulary != 400 || len(in.Special) != 5 || in.All.Documents != 2 || in.Languages["es"].Words != 5 || len(in.Longest) != 5 || len(in.Longest[0].Token) < len(in.Longest[4].Token) {
		t.Errorf("%+v", in)
	}
	var used int64
	for _, n := range p.use {
		used += n
	}
	if used != in.All.Tokens || in.Frequent[0].N < in.Frequent[4].N || in.Rare[0].N != 1 || in.Unused == 0 {
		t.Errorf("%+v", in)
	}
	for _, u := range in.Undertrained {
		if p.use[u.ID] != 0 {
			t.Errorf("%q is used", u.Token)
		}
	}
	if len(in.Undertrained) == 0 {
		t.Error("no under-trained tokens, although every word leaves its steps behind")
	}
	var c Comparer
	c.Put("ours", tok)
	c.Put("bytes", learned(t, func(l *Learn) { l.VocabSize = 261 }))
	c.Add(sample, "en")
	rows := c.Rows()
	if rows[0].All.BytesPerToken <= 1 || rows[1].All.BytesPerToken != 1 || rows[0].Languages["en"].Bytes != int64(len(sample)) {
		t.Errorf("%+v", rows)
	}
	text := ""
	pieces, err := tok.Pieces(sample+EndOfText, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pieces {
		text += p.Text
	}
	if text != sample+EndOfText {
		t.Errorf("the pieces are %q", text)
	}
}
