package extract

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what comes out into the golden files; read the diff before committing")

// TestGoldens holds pairs of files: NAME.in goes through the function that the
// archive is named after, and NAME.want comes out.
func TestGoldens(t *testing.T) {
	functions := map[string]func(string) string{
		"gutenberg": func(in string) string {
			body, h, found := Gutenberg(in)
			return fmt.Sprintf("found %v\ntitle %s\nauthor %s\ndate %s\nlanguage %s\ncopyrighted %v\n----\n%s\n", found, h.Title, h.Author, h.Date, h.Language, h.Copyrighted, body)
		},
		"unwrap": func(in string) string { return Unwrap(in) + "\n" },
		"chapters": func(in string) string {
			var s strings.Builder
			for _, c := range Chapters(in) {
				fmt.Fprintf(&s, "==== part %q title %q, %d bytes\n%s\n", c.Part, c.Title, len(c.Text), shorten(c.Text))
			}
			return s.String()
		},
		"html": func(in string) string {
			p, err := VisibleText(context.Background(), []byte(in))
			return fmt.Sprintf("title %q author %q date %q language %q url %q err %v\n----\n%s\n", p.Title, p.Author, p.Date, p.Language, p.URL, err, p.Text)
		},
		"article": func(in string) string {
			p, err := MainText(context.Background(), []byte(in))
			return fmt.Sprintf("title %q author %q date %q language %q err %v whole %v\n----\n%s\n", p.Title, p.Author, p.Date, p.Language, err, p.Whole, p.Text)
		},
		"markdown": func(in string) string {
			p, err := Markdown(context.Background(), []byte(in))
			return fmt.Sprintf("err %v\n----\n%s\n", err, p.Text)
		},
		"comments": func(in string) string {
			p, err := MainText(context.Background(), []byte(in))
			return fmt.Sprintf("err %v\n---- text\n%s\n---- comments\n%s\n", err, p.Text, p.Comments)
		},
		"repair": func(in string) string { return strings.ReplaceAll(Repair(unescape(in)), "\u00ad", `\u00ad`) + "\n" },
	}
	for name, f := range functions {
		t.Run(name, func(t *testing.T) {
			file := "testdata/" + name + ".txtar"
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{}
			for _, f := range archive.Files {
				want[f.Name] = string(f.Data)
			}
			out := &txtar.Archive{Comment: archive.Comment}
			for _, in := range archive.Files {
				base, isInput := strings.CutSuffix(in.Name, ".in")
				if !isInput {
					continue
				}
				got := f(string(in.Data))
				out.Files = append(out.Files, in, txtar.File{Name: base + ".want", Data: []byte(got)})
				if diff := cmp.Diff(want[base+".want"], got); diff != "" && !*update {
					t.Errorf("%s: %s (-want +got)\n%s", file, base, diff)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(out), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// unescape writes \uXXXX out, so that goldens show what no editor shows.
func unescape(s string) string {
	var out strings.Builder
	for {
		before, after, ok := strings.Cut(s, `\u`)
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		var r rune
		if _, err := fmt.Sscanf(after[:4], "%x", &r); err != nil {
			panic(err)
		}
		out.WriteRune(r)
		s = after[4:]
	}
}

func shorten(s string) string {
	if len(s) <= 120 {
		return s
	}
	return s[:60] + " … " + s[len(s)-40:]
}

func TestDecode(t *testing.T) {
	text := "El ni\u00f1o ley\u00f3 \u00abMarianela\u00bb; \u00bfqu\u00e9 m\u00e1s pod\u00eda pedir? La se\u00f1ora contest\u00f3 que ma\u00f1ana."
	latin1 := func(s string) []byte {
		var b []byte
		for _, r := range s {
			b = append(b, byte(r))
		}
		return b
	}
	utf16 := func(s string, big, mark bool) []byte {
		var b []byte
		put := func(r rune) {
			if big {
				b = append(b, byte(r>>8), byte(r))
			} else {
				b = append(b, byte(r), byte(r>>8))
			}
		}
		if mark {
			put(0xfeff)
		}
		for _, r := range s {
			put(r)
		}
		return b
	}
	tests := []struct {
		what, declared string
		in             []byte
		want, name     string
	}{
		{"utf-8", "", []byte(text), text, "utf-8"},
		{"utf-8 with a mark", "", []byte("\ufeff" + text), text, "utf-8"},
		{"utf-8 declared as latin-1", "ISO-8859-1", []byte(text), text, "utf-8"},
		{"latin-1", "ISO-8859-1", latin1(text), text, "windows-1252"},
		{"latin-1, not declared", "", latin1(text), text, "windows-1252"},
		{"latin-1 declared as utf-8", "utf-8", latin1(text), text, "windows-1252"},
		{"latin-1 declared as ascii", "ISO-646-US (US-ASCII)", latin1(text), text, "windows-1252"},
		{"latin-1 after 20 KB of ascii", "", latin1(strings.Repeat("plain words all the way. ", 800) + text), strings.Repeat("plain words all the way. ", 800) + text, "windows-1252"},
		{"windows-1252 quotes", "iso-8859-1", []byte("\x93hola\x94 \x97 dijo"), "“hola” — dijo", "windows-1252"},
		{"utf-8 with two stray bytes", "", []byte(strings.Repeat(text, 3) + " ma\xf1ana \x93"), strings.Repeat(text, 3) + " mañana “", "utf-8"},
		{"utf-16le with a mark", "", utf16(text, false, true), text, "utf-16le"},
		{"utf-16be with a mark", "", utf16(text, true, true), text, "utf-16be"},
		{"utf-16le without", "", utf16(text, false, false), text, "utf-16le"},
		{"utf-16be without", "", utf16(text, true, false), text, "utf-16be"},
		{"russian in its own code page", "windows-1251", []byte("\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0"), "Привет, мир", "windows-1251"},
		{"empty", "", nil, "", "utf-8"},
	}
	for _, test := range tests {
		got, name, err := Decode(test.in, test.declared)
		if err != nil || got != test.want || name != test.name {
			t.Errorf("%s: %.80q in %s, %v; want %.80q in %s", test.what, got, name, err, test.want, test.name)
		}
	}
	for _, binary := range []string{"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00", "PK\x03\x04\x14\x00\x06\x00", "\x7fELF\x02\x01\x01\x00\x00"} {
		if text, _, err := Decode([]byte(binary), ""); err == nil {
			t.Errorf("Decode(%q) = %q, want an error", binary, text)
		}
	}
}

func TestDates(t *testing.T) {
	for in, want := range map[string]string{
		"August 16, 2013": "2013-08-16", "January, 1994": "1994-01", "March 1994": "1994-03", "2004": "2004", "2019-05-07T10:00:00Z": "2019-05-07",
		"": "", "soon": "", "0000": "", "31 de febrero": "",
	} {
		if got := isoDate(in); got != want {
			t.Errorf("isoDate(%q) = %q, want %q", in, got, want)
		}
	}
}

// seeds are the inputs of the goldens.
func seeds(f *testing.F, archive string) {
	a, err := txtar.ParseFile("testdata/" + archive + ".txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range a.Files {
		f.Add(file.Data)
	}
}

func FuzzHTML(f *testing.F) {
	seeds(f, "html")
	seeds(f, "article")
	seeds(f, "markdown")
	seeds(f, "comments")
	f.Add([]byte(strings.Repeat("<div>", 600) + "deep"))
	f.Add([]byte("<pre>\n\n a\r\n<li><br><br><table><td>x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, extract := range []func(context.Context, []byte) (Page, error){MainText, Markdown, VisibleText} {
			p, err := extract(context.Background(), b)
			if err == nil && (!utf8.ValidString(p.Text) || !utf8.ValidString(p.Title) || !utf8.ValidString(p.Author)) {
				t.Errorf("not UTF-8: %+v", p)
			}
		}
	})
}

func FuzzGutenberg(f *testing.F) {
	seeds(f, "gutenberg")
	seeds(f, "chapters")
	seeds(f, "unwrap")
	f.Fuzz(func(t *testing.T, b []byte) {
		text, _, err := Decode(b, DeclaredCharset(b))
		if err != nil {
			return
		}
		body, h, _ := Gutenberg(text)
		if !utf8.ValidString(body) || !utf8.ValidString(h.Title+h.Author+h.Date+h.Language) {
			t.Errorf("not UTF-8: %q %+v", body, h)
		}
		body = Unwrap(body)
		size := 0
		for _, c := range Chapters(body) {
			size += len(strings.ReplaceAll(c.Text, "\n", ""))
		}
		if all := strings.Join(Blocks(body), ""); size != len(strings.ReplaceAll(all, "\n", "")) {
			t.Errorf("the chapters hold %d bytes of %d", size, len(all))
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\xff\xfea\x00"), "utf-16")
	f.Add([]byte("caf\xe9"), "x-user-defined")
	f.Add([]byte("\x1b$B"), "iso-2022-jp")
	f.Fuzz(func(t *testing.T, b []byte, declared string) {
		text, _, err := Decode(b, declared)
		if !utf8.ValidString(text) {
			t.Errorf("not UTF-8: %q", text)
		}
		if err == nil && utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 && bytes.IndexByte(b, 0x1b) < 0 && text != strings.TrimPrefix(string(b), "\ufeff") {
			t.Errorf("Decode(%q) = %q", b, text)
		}
	})
}

func FuzzRepair(f *testing.F) {
	seeds(f, "repair")
	f.Add([]byte("Ã\u00ad \u00c3\u200b\u00a9 \u1100\u1161 e\u0301\r\n\r \n\n\n\n x \u00e2\u20ac\u201c"))
	f.Fuzz(func(t *testing.T, b []byte) {
		once := Repair(string(b))
		if !utf8.ValidString(once) {
			t.Errorf("not UTF-8: %q", once)
		}
		if twice := Repair(once); twice != once {
			t.Errorf("repaired twice %q, once %q", twice, once)
		}
	})
}
