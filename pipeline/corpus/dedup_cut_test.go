package corpus

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fragua/pipeline"
	"fragua/pipeline/minhash"
)

// TestCut: paragraphs stay in the first document, boilerplate lines in none, and long repetitions go wherever they
// stand; what is left keeps its shape.
func TestCut(t *testing.T) {
	say := func(seed uint64, n int) string { return strings.Join(made(seed, n), " ") }
	shared, menu := say(1, 30), "Home | Shop | Contact"
	long := say(2, 80)
	files := map[string]string{
		"1.txt": say(10, 20) + "\n\n" + shared + "\n\n" + say(11, 20),
		"2.txt": shared + "\n\n" + menu + "\n" + say(12, 20) + "\n\nshort one",
		"3.txt": "«" + strings.ToUpper(shared) + "!»",
		"4.txt": say(13, 10) + ". " + long + ", " + say(14, 10) + "\n\nshort one",
		"5.txt": say(15, 10) + " " + long + "; " + say(16, 10),
	}
	for i := range 9 {
		files[fmt.Sprintf("m%d.txt", i)] = menu + "\n" + say(uint64(100+i), 30)
	}
	dir := write(t, files)
	r := run(t, dir, `
stages:
  - {name: r, use: ingest, with: {part_bytes: 400, steps: [], sources: [{text: {path: .}}]}}
  - {name: paragraphs, use: dedup, from: [r], with: {match: paragraphs}}
  - {name: lines, use: dedup, from: [r], with: {match: lines}}
  - {name: substrings, use: dedup, from: [r], with: {match: {substrings: {words: 40}}}}
`, pipeline.Options{})
	for i, want := range []map[string]string{
		1: {"2.txt": menu + "\n" + say(12, 20) + "\n\nshort one", "3.txt": ""},
		2: {"2.txt": shared + "\n\n" + say(12, 20) + "\n\nshort one"},
		3: {"5.txt": say(15, 10) + " ; " + say(16, 10)},
	} {
		if i == 0 {
			continue
		}
		stage := r.Stages[i]
		kept := 0
		for _, d := range documents(t, stage.Dir) {
			text, changed := want[d.Path]
			if !changed {
				text = files[d.Path]
				if i == 2 {
					text = strings.TrimPrefix(text, menu+"\n")
				}
			}
			if d.Text != text {
				t.Errorf("%s: %s is\n%s\nwant\n%s", stage.Name, d.Path, d.Text, text)
			}
			if d.Words != int64(len(strings.Fields(strings.ReplaceAll(strings.ReplaceAll(d.Text, "|", ""), " ; ", " ")))) {
				t.Errorf("%s: %s has %d words?", stage.Name, d.Path, d.Words)
			}
			kept++
		}
		gone := rejected(t, stage.Dir)
		if wantGone := i == 1; kept+len(gone) != len(files) || (len(gone) == 1) != wantGone {
			t.Errorf("%s: %d kept, %d dropped", stage.Name, kept, len(gone))
		}
		for _, g := range gone {
			if g.Path != "3.txt" || g.Rule != "dedup.paragraphs" {
				t.Errorf("%+v", g)
			}
		}
	}
}

// TestSubstringsPlain: what is cut are the words that a plain search for repeated runs of n words finds.
func TestSubstringsPlain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const n = 5
		m := &Substrings{Words: n}
		word := rapid.SampledFrom([]string{"a", "b", "c,", "d.\n", "é", "猫"})
		var texts []string
		for range rapid.IntRange(2, 4).Draw(t, "documents") {
			texts = append(texts, strings.Join(rapid.SliceOfN(word, 0, 30).Draw(t, "words"), " "))
		}
		s := &signer{scanner: minhash.NewScanner(1)}
		seen := map[minhash.Key]int{} // the first document of a window
		plain := map[string]int{}
		for doc, text := range texts {
			words := minhash.Words(text)
			covered := make([]bool, len(words))
			for i := 0; i+n <= len(words); i++ {
				window := strings.Join(words[i:i+n], " ")
				if first, ok := plain[window]; !ok {
					plain[window] = doc
				} else if first != doc {
					for k := range n {
						covered[i+k] = true
					}
				}
			}
			var want []string
			for i, w := range words {
				if !covered[i] {
					want = append(want, w)
				}
			}
			var parts []uint32
			m.parts(s, &Document{Text: text}, func(k minhash.Key, part uint32) {
				if first, ok := seen[k]; !ok {
					seen[k] = doc
				} else if first != doc {
					parts = append(parts, part)
				}
			})
			if got := minhash.Words(m.cut(text, parts)); !slices.Equal(got, want) {
				t.Fatalf("document %d of %q: %q stays, want %q", doc, texts, got, want)
			}
		}
	})
}

// TestURL: two spellings of one address are one.
func TestURL(t *testing.T) {
	for a, b := range map[string]string{
		"https://www.Example.org/a/?utm_source=x&b=2&a=1#top": "http://example.org/a?a=1&b=2",
		"http://example.org:80":                               "https://example.org/",
		"http://example.org:8080/":                            "http://EXAMPLE.org:8080",
		"not an address":                                      " not an address ",
	} {
		if normalURL(a) != normalURL(b) || normalURL(a) == "" {
			t.Errorf("%s is %q, %s is %q", a, normalURL(a), b, normalURL(b))
		}
	}
	for _, pair := range [][2]string{{"http://a.org/x", "http://a.org/y"}, {"http://a.org/?q=1", "http://a.org/?q=2"}, {"http://a.org:81", "http://a.org"}} {
		if normalURL(pair[0]) == normalURL(pair[1]) {
			t.Errorf("%v are one", pair)
		}
	}
}

// TestEditions: match: book keeps all chapters of one edition, and other books.
func TestEditions(t *testing.T) {
	s := NewDedup()
	key := func(title, author, language string) string {
		return editionKey(&Document{Title: title, Author: author, Language: language})
	}
	if key("Frankenstein; Or, The Modern Prometheus", "Mary Wollstonecraft Shelley", "en") != key("FRANKENSTEIN", "Shelley, Mary W.", "en") {
		t.Error("two editions have two keys")
	}
	if key("Don Quijote", "Cervantes", "es") == key("Don Quijote", "Cervantes", "en") || key("Emma", "", "en") != "" || key("", "Austen", "en") != "" {
		t.Error("a translation is no edition, and nothing is none")
	}
	s.Keep = SurvivorLongest
	s.Match.Choose("book", matches["book"]())
	if len(s.Check()) == 0 {
		t.Error("match: book cannot keep the longest")
	}
	rows := ""
	for _, edition := range []string{"b", "a"} {
		for chapter := range 3 {
			rows += fmt.Sprintf(`{"title":"Emma","author":"Jane Austen","text":"%s %d"}`+"\n", edition, chapter)
		}
	}
	dir := write(t, map[string]string{"1.jsonl": rows[:len(rows)/2], "2.jsonl": rows[len(rows)/2:] + `{"title":"Persuasion","author":"Jane Austen","text":"x"}` + "\n"})
	r := run(t, dir, `
stages:
  - {name: r, use: ingest, with: {part_bytes: 100, steps: [], sources: [{jsonl: {path: .}}]}}
  - {name: d, use: dedup, from: [r], with: {match: book}}
`, pipeline.Options{})
	var kept []string
	for _, d := range documents(t, r.Stages[1].Dir) {
		kept = append(kept, d.Text)
	}
	slices.Sort(kept)
	if got := strings.Join(kept, ", "); got != "b 0, b 1, b 2, x" {
		t.Errorf("kept %s", got)
	}
}
