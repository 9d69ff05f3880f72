package fault

import (
	"testing"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain, año, 漢字, 👩\u200d🔧": "plain, año, 漢字, 👩\u200d🔧", "two\nlines\tand a tab": "two\nlines\tand a tab", "": "",
		"\x1b]0;title\x07\x1b[31mred": "␛]0;title␇␛[31mred", "a\x00b\x7f\r": "a␀b␡␍",
		"\u009b31m": `\u009b31m`, "a\u202egnp.exe": `a\u202egnp.exe`, "x\u2066y\u2028": `x\u2066y\u2028`,
		"\xff\xfe": `\xff\xfe`, "a\ufffdb": "a\ufffdb", "\x9b31m": `\x9b31m`,
	} {
		if got := Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("\x1b[31m\u009b\xff")
	f.Fuzz(func(t *testing.T, s string) {
		out := Printable(s)
		if !utf8.ValidString(out) {
			t.Fatalf("%q is not UTF-8", out)
		}
		for _, r := range out {
			if steers(r) {
				t.Fatalf("%q steers a terminal", out)
			}
		}
		if Printable(out) != out {
			t.Fatalf("%q is changed again", out)
		}
	})
}
