package extract

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"
)

// TestMainTextOnRealPages holds the figure in doc.go. The expected pages are the
// output of Mozilla's own implementation.
func TestMainTextOnRealPages(t *testing.T) {
	dirs, _ := filepath.Glob("../../../shared/data/web/readability/test/test-pages/*")
	if len(dirs) == 0 {
		t.Skip("no ../shared/data/web/readability beside the repository")
	}
	sum, n := 0.0, 0
	for _, dir := range dirs {
		source, err := os.ReadFile(filepath.Join(dir, "source.html"))
		if err != nil {
			continue
		}
		expected, err := os.ReadFile(filepath.Join(dir, "expected.html"))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := html.Parse(strings.NewReader(string(expected)))
		if err != nil {
			t.Fatal(err)
		}
		page, err := MainText(context.Background(), source)
		if err != nil {
			t.Errorf("%s: %v", dir, err)
		}
		sum += f1(bag(page.Text), bag(nodeText(doc, false)))
		n++
	}
	if mean := sum / float64(n); mean < .99 {
		t.Errorf("mean F1 over %d pages is %.3f, want at least .99", n, mean)
	}
}

func bag(s string) map[string]int {
	m := map[string]int{}
	for _, w := range strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		m[w]++
	}
	return m
}

func f1(a, b map[string]int) float64 {
	both, all := 0, 0
	for w, c := range a {
		all += c
		both += min(c, b[w])
	}
	for _, c := range b {
		all += c
	}
	if all == 0 {
		return 1
	}
	return 2 * float64(both) / float64(all)
}
