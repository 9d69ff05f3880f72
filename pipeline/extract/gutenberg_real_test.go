package extract

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// licence is what only the header, the licence and the credits of a Project
// Gutenberg file say.
var licence = []string{"project gutenberg", "gutenberg.org", "gutenberg.net", "pgdp", "small print", " etext", "e-text", "distributed proofread"}

// TestGutenbergOnRealBooks holds that of the real books nothing of the licence
// is left, nearly nothing of the books is lost, and their chapters are found.
func TestGutenbergOnRealBooks(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/data/books/*/*.[th][xt]*")
	if len(files) == 0 {
		t.Skip("no ../shared/data/books beside the repository")
	}
	if testing.Short() {
		t.Skip("reads 70 MB")
	}
	chapters := map[string]int{
		"A-Tale-of-Two-Cities_98-0.txt": 45, "Alice-s-Adventures-in-Wonderland_11-0.txt": 12, "Dracula_345-8.txt": 27, "Emma_158-0.txt": 55,
		"Frankenstein_84-0.txt": 28, "Great-Expectations_1400-0.txt": 59, "Jane-Eyre_1260.txt": 39, "Moby-Dick--Or-The-Whale_2701-0.txt": 136,
		"Pride-and-Prejudice_1342-0.txt": 61, "The-Adventures-of-Sherlock-Holmes_1661-8.txt": 12, "The-Prince_1232.txt": 26,
		"The-Time-Machine_35-0.txt": 17, "War-and-Peace_2600-0.txt": 365, "Facundo_33267-8.txt": 17,
		"Los-cuatro-jinetes-del-apocalipsis_24536-8.txt": 15, "Los-pazos-de-Ulloa_18005-8.txt": 29, "Marianela_17340-8.txt": 22,
		"Pepita-Jim-nez_17223-8.txt": 3, "Vida-De-Lazarillo-De-Tormes-Y-De-Sus-For_320-8.txt": 8,
	}
	titled := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		var text string
		if strings.HasSuffix(file, ".htm") {
			page, err := VisibleText(context.Background(), b)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			text = page.Text
		} else if text, _, err = Decode(b, DeclaredCharset(b)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		body, h, found := Gutenberg(text)
		if h.Title != "" && h.Author != "" {
			titled++
		}
		if novels := strings.Contains(file, "novels-es"); found == novels {
			t.Errorf("%s: found a Gutenberg file: %v", name, found)
		}
		lower := strings.ToLower(body)
		for _, words := range licence {
			if at := strings.Index(lower, words); at >= 0 {
				t.Errorf("%s: left: %q", name, lower[max(0, at-60):min(len(lower), at+60)])
			}
		}
		if lost := len(Lines(text)) - len(body); found && lost > 30_000 {
			t.Errorf("%s: %d of %d bytes are gone", name, lost, len(text))
		}
		if want := chapters[name]; want > 0 {
			got := 0
			for _, c := range Chapters(Unwrap(body)) {
				if c.Title != "" {
					got++
				}
			}
			if got != want {
				t.Errorf("%s: %d chapters, want %d", name, got, want)
			}
		}
	}
	if titled < 55 {
		t.Errorf("title and author are known of %d books", titled)
	}
}
