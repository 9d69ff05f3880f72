package document

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"
)

// shout stands for a model: it writes capitals, and so loses placeholders and tags, and answers
// "no" with something else.
func shout(_ context.Context, sentences []string) (out []string, err error) {
	for _, s := range sentences {
		out = append(out, strings.ToUpper(s))
	}
	return out, nil
}

func translated(t testing.TB, name, content string, g Glossary) string {
	d, err := Read(name, []byte(content), Languages{"en", "es"})
	if err != nil {
		t.Fatal(name, err)
	}
	texts, err := Translate(context.Background(), d.Texts(), g, shout)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := d.Write(&b, texts); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFormats(t *testing.T) {
	for _, c := range []struct{ what, name, in, want string }{
		{"lines, blank ones and ends", "a.txt", "  one.\r\n\n\ttwo three \n---\nlast", "  ONE.\r\n\n\tTWO THREE \n---\nLAST"},
		{"placeholders", "a.txt", "Deleted %d of %(n)s files in {path}, see https://a.org/x?y=1 or me@a.org\n", "DELETED %d OF %(n)s FILES IN {path}, SEE https://a.org/x?y=1 OR me@a.org\n"},
		{"a percent sign", "a.txt", "up to 100 % of it", "UP TO 100 % OF IT"},
		{"subtitles", "a.srt", "1\n00:00:01,000 --> 00:00:02,500\nthe first line\nand more of the sentence\n\n2\n00:00:03,000 --> 00:00:04,000\n- who?\n- <i>me</i>\n",
			"1\n00:00:01,000 --> 00:00:02,500\nTHE FIRST LINE AND\nMORE OF THE SENTENCE\n\n2\n00:00:03,000 --> 00:00:04,000\n- WHO?\n- <i>ME</i>\n"},
		{"gettext", "a.po", "# note\nmsgid \"\"\nmsgstr \"\"\n\"Language: es\\n\"\n\n#, c-format\nmsgid \"open %s\\n\"\nmsgstr \"\"\n\nmsgid \"done\"\nmsgstr \"hecho\"\n\nmsgid \"one \\\"file\\\"\"\nmsgid_plural \"%d \"\n\"files\"\nmsgstr[0] \"\"\nmsgstr[1] \"\"\n#~ msgid \"old\"\n",
			"# note\nmsgid \"\"\nmsgstr \"\"\n\"Language: es\\n\"\n\n#, c-format\nmsgid \"open %s\\n\"\nmsgstr \"OPEN %s\\n\"\n\nmsgid \"done\"\nmsgstr \"hecho\"\n\nmsgid \"one \\\"file\\\"\"\nmsgid_plural \"%d \"\n\"files\"\nmsgstr[0] \"ONE \\\"FILE\\\"\"\nmsgstr[1] \"%d FILES\"\n#~ msgid \"old\"\n"},
		{"a page", "a.html", "<!doctype html><title>a page</title><script>var x = 'no';</script><p class=x>some <b>bold</b> text &amp; more\n of it.</p><pre>code here</pre><p translate=no>Brand <p>&copy; 12</p>",
			"<!doctype html><title>A PAGE</title><script>var x = 'no';</script><p class=x>SOME <b>BOLD</b> TEXT &amp; MORE OF IT.</p><pre>code here</pre><p translate=no>Brand <p>&copy; 12</p>"},
		{"code in a sentence", "a.html", "<p>run <code>go test</code> now</p>", "<p>RUN <code>go test</code> NOW</p>"},
		{"Markdown", "a.md", "---\ntitle: x\n---\n# a heading\n\n- item with `code x` and [a link](http://a.org/b)\n> quoted\n\n```go\nfunc x()\n```\n| a b | c |\n| --- | --- |\n    indented\n1. [ ] task\n",
			"---\ntitle: x\n---\n# A HEADING\n\n- ITEM WITH `code x` AND [A LINK](http://a.org/b)\n> QUOTED\n\n```go\nfunc x()\n```\n| A B | C |\n| --- | --- |\n    indented\n1. [ ] TASK\n"},
		{"a translation memory", "a.tmx", `<tmx><body><tu><tuv xml:lang="en-US"><seg>one &lt; two</seg></tuv></tu><tu><tuv lang='en'><seg>a</seg></tuv><tuv lang='es'><seg>b</seg></tuv></tu></body></tmx>`,
			`<tmx><body><tu><tuv xml:lang="en-US"><seg>one &lt; two</seg></tuv><tuv xml:lang="es"><seg>ONE &lt; TWO</seg></tuv>` + "\n" + `</tu><tu><tuv lang='en'><seg>a</seg></tuv><tuv lang='es'><seg>b</seg></tuv></tu></body></tmx>`},
	} {
		if got := translated(t, c.name, c.in, nil); got != c.want {
			t.Errorf("%s:\n%q\nwant\n%q", c.what, got, c.want)
		}
	}
}

func TestGlossary(t *testing.T) {
	g := Glossary{{"smith", "Herrero"}, {"forge", "FRAGUA"}}
	if got := translated(t, "a.txt", "the Smith, a wordsmith, is in the forge", g); got != "THE Herrero, A WORDSMITH, IS IN THE FRAGUA" {
		t.Errorf("%q", got)
	}
}

func TestDocx(t *testing.T) {
	const body = `<w:document><w:body><w:p><w:r><w:t>one </w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t xml:space="preserve">&amp; two</w:t></w:r></w:p><w:p/><w:p><w:r><w:t>12</w:t></w:r></w:p></w:body></w:document>`
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range map[string]string{"word/document.xml": body, "word/styles.xml": "<styles>kept</styles>"} {
		f, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(f, content)
	}
	z.Close()
	out := translated(t, "a.docx", b.String(), nil)
	r, err := zip.NewReader(strings.NewReader(out), int64(len(out)))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"word/document.xml": `<w:document><w:body><w:p><w:r><w:t xml:space="preserve">ONE &amp; TWO</w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t xml:space="preserve"></w:t></w:r></w:p><w:p/><w:p><w:r><w:t>12</w:t></w:r></w:p></w:body></w:document>`,
		"word/styles.xml":   "<styles>kept</styles>",
	} {
		f, err := r.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(f); string(got) != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestSentences(t *testing.T) {
	for text, want := range map[string][]string{
		"One. Two? Three!":                        {"One.", "Two?", "Three!"},
		"Mr. Smith met J. R. Doe at 3.5 km. Yes.": {"Mr. Smith met J. R. Doe at 3.5 km.", "Yes."},
		"«¿Qué?» ¿Quién? La Sra. Ruiz.":           {"«¿Qué?»", "¿Quién?", "La Sra. Ruiz."},
		"see e.g. this. and that":                 {"see e.g. this. and that"},
		"He said “Go.” Then he left…  End":        {"He said “Go.”", "Then he left…", "End"},
		"":                                        {""},
	} {
		got, gaps := Sentences(text)
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		joined := ""
		for i := range got {
			joined += got[i] + gaps[i]
		}
		if joined != text {
			t.Errorf("%q joined is %q", text, joined)
		}
	}
}

func TestRefuses(t *testing.T) {
	for name, content := range map[string]string{
		"a.pdf": "x", "a.po": "msgid open\n", "b.po": "hello\n", "a.docx": "no zip", "a.tmx": "<tmx/>",
	} {
		if _, err := Read(name, []byte(content), Languages{"en", "es"}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Read("a.tmx", []byte("<tu></tu>"), Languages{}); err == nil || !strings.Contains(err.Error(), "several languages") {
		t.Error(err)
	}
}

// Whatever a file holds: written back with its own texts, placeholders and markup are as many.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"a.txt", "a.srt", "a.po", "a.html", "a.md", "a.tmx"} {
		f.Add(name, "1\n00:00:01,0 --> 00:00:02,0\nmsgid \"a %s\"\n<tu><tuv lang=\"en\"><seg>x &amp; y</seg></tuv></tu>\n# h `c`\n")
	}
	f.Fuzz(func(t *testing.T, name, content string) {
		d, err := Read(name, []byte(content), Languages{"en", "es"})
		if err != nil {
			return
		}
		texts, err := Translate(context.Background(), d.Texts(), nil, func(_ context.Context, s []string) ([]string, error) { return s, nil })
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(texts, d.Texts()) {
			t.Errorf("a model that copies changed %q to %q", d.Texts(), texts)
		}
		var b bytes.Buffer
		if err := d.Write(&b, texts); err != nil {
			t.Fatal(err)
		}
		if suffix(name) == ".txt" && b.String() != content {
			t.Errorf("%q became %q", content, b.String())
		}
	})
}
