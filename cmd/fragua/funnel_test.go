package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/zeebo/xxh3"

	"fragua/configs"
	"fragua/pipeline"
)

// story is a text of n sentences in which few words stand together twice, no two
// stories alike.
func story(about string, n int) string {
	rng := rand.New(rand.NewPCG(uint64(n), xxh3.HashString(about)))
	pick := func(words string) string {
		all := strings.Split(words, "|")
		return all[rng.IntN(len(all))]
	}
	var b strings.Builder
	for range n {
		subject := pick("the miller|her sister|that old smith|a stranger|our teacher|my neighbour|the boy|his aunt|the baker|a tall woman|the dog|one of them")
		verb := pick("found|carried|painted|lost|wanted|hid|remembered|sold|broke|mended|bought|forgot")
		object := pick("a lantern|two chairs|the letter|some bread|a red coat|the key|seven apples|an empty bottle|the clock|a map|good wine|the boat")
		place := pick("by the river|in the square|behind the church|near the bridge|at dusk|before winter|under the stairs|on Sunday|across the field|with great care|for nothing|at last")
		switch rng.IntN(4) {
		case 0:
			fmt.Fprintf(&b, "In the %s %s %s %s %s. ", about, subject, verb, object, place)
		case 1:
			fmt.Fprintf(&b, "%s %s %s, and %s. ", subject, verb, object, place)
		case 2:
			fmt.Fprintf(&b, "They say that %s %s %s %s. ", subject, verb, object, place)
		default:
			fmt.Fprintf(&b, "It was %s that %s %s %s. ", object, subject, verb, place)
		}
	}
	return strings.TrimSpace(b.String())
}

// cuento is a Spanish text of n sentences, no two alike.
func cuento(about string, n int) string {
	rng := rand.New(rand.NewPCG(uint64(n), xxh3.HashString(about)))
	pick := func(words string) string {
		all := strings.Split(words, "|")
		return all[rng.IntN(len(all))]
	}
	var b strings.Builder
	for range n {
		subject := pick("el molinero|su hermana|aquel herrero|una forastera|nuestra maestra|mi vecino|el muchacho|su tía|la panadera|un viejo pescador|el perro|uno de ellos")
		verb := pick("encontró|llevó|pintó|perdió|buscaba|escondió|recordaba|vendió|rompió|arregló|compró|olvidó")
		object := pick("un farol|dos sillas|la carta|algo de pan|un abrigo rojo|la llave|siete manzanas|una botella vacía|el reloj|un mapa|buen vino|la barca")
		place := pick("junto al río|en la plaza|detrás de la iglesia|cerca del puente|al anochecer|antes del invierno|bajo la escalera|el domingo|en el campo|con mucho cuidado|por nada|al final")
		switch rng.IntN(3) {
		case 0:
			fmt.Fprintf(&b, "%s, %s %s %s en %s. ", place, subject, verb, object, about)
		case 1:
			fmt.Fprintf(&b, "Dicen que %s %s %s %s. ", subject, verb, object, place)
		default:
			fmt.Fprintf(&b, "%s %s %s, y luego %s se fue %s. ", subject, verb, object, subject, place)
		}
	}
	return strings.TrimSpace(b.String())
}

// gutenberg is a book as Project Gutenberg sets it, as text or as HTML.
func gutenberg(title string, html bool, chapters ...string) string {
	var b strings.Builder
	licence := strings.Repeat("You may copy it, give it away or re-use it under the terms of the Project Gutenberg License. ", 9)
	if html {
		fmt.Fprintf(&b, "<html><head><title>The Project Gutenberg eBook of %s, by Ana Field</title></head><body>\n<p>The Project Gutenberg eBook of %s</p>\n<p>%s</p>\n"+
			"<p>*** START OF THE PROJECT GUTENBERG EBOOK %s ***</p>\n", title, title, licence, strings.ToUpper(title))
		for i, c := range chapters {
			fmt.Fprintf(&b, "<h2>CHAPTER %d</h2>\n<p>%s</p>\n", i+1, c)
		}
		fmt.Fprintf(&b, "<p>*** END OF THE PROJECT GUTENBERG EBOOK %s ***</p>\n<p>%s</p></body></html>", strings.ToUpper(title), licence)
		return b.String()
	}
	fmt.Fprintf(&b, "The Project Gutenberg EBook of %s, by Ana Field\r\n\r\nTitle: %s\r\nAuthor: Ana Field\r\nLanguage: English\r\n\r\n*** START OF THIS PROJECT GUTENBERG EBOOK %s ***\r\n\r\n", title, title, strings.ToUpper(title))
	for i, c := range chapters {
		fmt.Fprintf(&b, "CHAPTER %d\r\n\r\n", i+1)
		width := 0
		for _, word := range strings.Fields(c) {
			if width+len(word) > 70 {
				b.WriteString("\r\n")
				width = 0
			}
			b.WriteString(word + " ")
			width += len(word) + 1
		}
		b.WriteString("\r\n\r\n")
	}
	fmt.Fprintf(&b, "*** END OF THIS PROJECT GUTENBERG EBOOK %s ***\r\n\r\n%s", strings.ToUpper(title), licence)
	return b.String()
}

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

// crawl is an archive with one of everything that a crawl brings home.
func crawl(story func(about string, n int) string) string {
	capture := func(kind, url, extra, http string) string {
		return gzipped(fmt.Sprintf("WARC/1.0\r\nWARC-Type: %s\r\nWARC-Target-URI: %s\r\nWARC-Date: 2024-12-01T00:00:00Z\r\nContent-Type: application/http\r\n%sContent-Length: %d\r\n\r\n%s\r\n\r\n", kind, url, extra, len(http), http))
	}
	page := func(title, text string) string {
		return "<html><head><title>" + title + "</title></head><body><nav><a href=/>Home</a> <a href=/b>Shop</a></nav><article><h1>" + title + "</h1><p>" + text + "</p></article><footer>All rights reserved</footer></body></html>"
	}
	ok := func(url, head, body string) string {
		return capture("response", url, "", "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"+head+"\r\n"+body)
	}
	one := page("One", story("village", 20))
	return capture("warcinfo", "", "", "software: test") + capture("request", "http://a.example/1", "", "GET /1 HTTP/1.1\r\n\r\n") +
		ok("http://a.example/1", "", one) +
		ok("http://a.example/copy", "", one) +
		ok("http://b.example/2", "Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(page("Two", story("harbour", 25))), page("Two", story("harbour", 25)))) +
		ok("http://b.example/3", "Content-Encoding: gzip\r\n", gzipped(page("Three", story("mill", 30)))) +
		ok("http://c.example/short", "", page("Short", "Too short to keep.")) +
		ok("http://c.example/again", "", page("Again", strings.Repeat("The same words stand here again and again, and they say nothing. ", 60))) +
		capture("response", "http://c.example/gone", "", "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n"+one) +
		capture("response", "http://c.example/cut", "WARC-Truncated: length\r\n", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"+one) +
		capture("response", "http://c.example/p.png", "", "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n\x89PNG") +
		capture("revisit", "http://a.example/1", "WARC-Refers-To-Target-URI: http://a.example/1\r\n", "HTTP/1.1 200 OK\r\n\r\n")
}

// ebook is an e-book of three chapters, one of them missing, with a table of
// contents among its pages.
func ebook(t *testing.T, about string) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add := func(name, text string) {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add("META-INF/container.xml", `<container><rootfiles><rootfile full-path="book.opf"/></rootfiles></container>`)
	items, refs, links := "", "", ""
	for i, name := range []string{"contents", "one", "two", "three", "lost"} {
		items += fmt.Sprintf(`<item id="i%d" href="%s.xhtml" media-type="application/xhtml+xml"/>`, i, name)
		refs += fmt.Sprintf(`<itemref idref="i%d"/>`, i)
		if i > 0 {
			links += fmt.Sprintf(`<li><a href="%s.xhtml">Chapter %s of the book of the %s</a></li>`, name, name, about)
		}
		if i > 0 && name != "lost" {
			add(name+".xhtml", "<html><body><h1>Chapter "+name+"</h1><p>"+story(about+" "+name, 20+i)+"</p></body></html>")
		}
	}
	add("contents.xhtml", "<html><body><nav><ol>"+links+"</ol></nav></body></html>")
	add("book.opf", "<package><metadata><title>The "+about+"</title></metadata><manifest>"+items+"</manifest><spine>"+refs+"</spine></package>")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestFunnels: the recipes for documents run as they stand, and what they read,
// keep and drop of small inputs is known to the last document.
func TestFunnels(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"common-crawl": {map[string]string{"crawl/a.warc.gz": crawl(story)}, []string{
			"corpus: read 10 = kept 4 + rules 2 + warc.revisit 1 + warc.status 1 + warc.truncated 1 + warc.type 1",
			"unique: read 4 = kept 3 + dedup.words 1",
			"split: read 3 = kept 3",
		}},
		"fineweb": {map[string]string{"crawl/a.warc.gz": crawl(story), "crawl/b.warc.gz": crawl(cuento)}, []string{
			"corpus: read 20 = kept 4 + rules 8 + warc.revisit 2 + warc.status 2 + warc.truncated 2 + warc.type 2",
			"unique: read 4 = kept 3 + dedup.similar 1",
			"masked: read 3 = kept 3",
			"split: read 3 = kept 3",
		}},
		"fineweb2-es": {map[string]string{"crawl/a.warc.gz": crawl(story), "crawl/b.warc.gz": crawl(cuento)}, []string{
			"corpus: read 20 = kept 4 + rules 8 + warc.revisit 2 + warc.status 2 + warc.truncated 2 + warc.type 2",
			"unique: read 4 = kept 3 + dedup.similar 1",
			"clean: read 3 = kept 3",
			"split: read 3 = kept 3",
		}},
		"gutenberg": {map[string]string{
			"books/1.txt":     gutenberg("The Mill", false, story("mill", 60), story("wheel", 50), story("river", 40)),
			"books/1-h.htm":   gutenberg("The Mill", true, story("mill", 60), story("wheel", 50), story("river", 40)),
			"books/2.txt":     gutenberg("The Ferry", false, story("ferry", 60), story("wheel", 50), "Too short."),
			"books/3.txt":     gutenberg("The Forge", false, story("forge", 60), story("anvil", 50)),
			"books/4.txt":     gutenberg("The Bridge", false, story("bridge", 60), story("toll", 50)),
			"books/5.htm":     gutenberg("The Road", true, story("road", 60), story("inn", 50)),
			"books/cover.png": "\x89PNG",
		}, []string{
			"corpus: read 6 + 9 = kept 14 + rules 1",
			"unique: read 14 = kept 10 + dedup.contained 4",
			"split: read 10 = kept 10",
		}},
		"epub": {map[string]string{"books/a.epub": ebook(t, "mill"), "books/b/copy.epub": ebook(t, "mill"), "books/c.epub": ebook(t, "forge"), "books/d.epub": ebook(t, "bridge"), "books/e.epub": ebook(t, "road"), "books/cover.jpg": "\xff\xd8\xff"}, []string{
			"corpus: read 10 + 10 = kept 15 + epub.broken 5",
			"unique: read 15 = kept 12 + dedup.words 3",
			"split: read 12 = kept 12",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range test.files {
				path := filepath.Join(dir, filepath.FromSlash(file))
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			src, err := fs.ReadFile(configs.Recipes(), name+".yaml")
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := pipeline.Parse(name+".yaml", src, dir, stages, nil)
			if err == nil {
				err = cfg.CheckFiles()
			}
			if err != nil {
				t.Fatal(err)
			}
			res, err := pipeline.Run(t.Context(), cfg, pipeline.Options{Out: filepath.Join(dir, "out")})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range res.Stages {
				got = append(got, s.Name+": "+sumOf(s.Dir.Manifest.Counts))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// sumOf shows counts, those of the steps that judge the text in one.
func sumOf(c pipeline.Counts) string {
	s := fmt.Sprintf("read %d", c.Read)
	if c.Split > 0 {
		s += fmt.Sprintf(" + %d", c.Split)
	}
	s += fmt.Sprintf(" = kept %d", c.Kept)
	rules, reasons := int64(0), ""
	for _, rule := range slices.Sorted(maps.Keys(c.Dropped)) {
		if kind, _, _ := strings.Cut(rule, "."); kind == "warc" || kind == "epub" || kind == "dedup" {
			reasons += fmt.Sprintf(" + %s %d", rule, c.Dropped[rule])
		} else {
			rules += c.Dropped[rule]
		}
	}
	if rules > 0 {
		s += fmt.Sprintf(" + rules %d", rules)
	}
	if s += reasons; c.Failed > 0 {
		s += fmt.Sprintf(" + failed %d", c.Failed)
	}
	return s
}
