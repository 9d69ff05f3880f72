package pdf

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// write makes a PDF of the contents of pages, in the language of its section 9.4. PDFium
// finds the objects itself where there is no table of them.
func write(trailer string, pages ...string) []byte {
	var b strings.Builder
	kids := ""
	for i := range pages {
		kids += fmt.Sprintf("%d 0 R ", 10+2*i)
	}
	fmt.Fprintf(&b, "%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count %d/Kids[%s]>>endobj\n", len(pages), kids)
	b.WriteString("3 0 obj<</Type/Font/Subtype/Type1/BaseFont/Courier/Encoding/WinAnsiEncoding>>endobj\n")
	b.WriteString("4 0 obj<</Title(A Ferry)/Author(N. Obody)>>endobj\n")
	b.WriteString("5 0 obj<</Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8/Length 1>>stream\nx\nendstream endobj\n")
	for i, p := range pages {
		fmt.Fprintf(&b, "%d 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R/Resources<</Font<</F 3 0 R>>/XObject<</I 5 0 R>>>>>>endobj\n", 10+2*i, 11+2*i)
		fmt.Fprintf(&b, "%d 0 obj<</Length %d>>stream\n%s\nendstream endobj\n", 11+2*i, len(p), p)
	}
	fmt.Fprintf(&b, "trailer<</Root 1 0 R/Info 4 0 R%s>>\n%%%%EOF\n", trailer)
	return []byte(b.String())
}

// lineAt shows a text at a place.
func lineAt(x, y int, text string) string {
	return fmt.Sprintf("BT /F 10 Tf %d %d Td (%s) Tj ET\n", x, y, strings.NewReplacer("(", `\(`, ")", `\)`).Replace(text))
}

// set lays lines from the top of a page down; an empty one is a gap, and spaces indent.
func set(number int, lines ...string) string {
	head := lineAt(200, 750, "THE FERRY")
	if number%2 == 0 {
		head = lineAt(200, 750, "Chapter the First")
	}
	s := head + lineAt(300, 40, fmt.Sprintf("- %d -", number))
	for i, l := range lines {
		if text := strings.TrimLeft(l, " "); text != "" {
			s += lineAt(72+6*(len(l)-len(text)), 700-12*i, text)
		}
	}
	return s
}

func TestRead(t *testing.T) {
	words := strings.Fields("The One Any Our His Her")
	page := []string{
		"The ferry leaves the small harbour at seven and needs about",
		"forty minutes to the island. A bus waits for the passen-",
		"gers every day of the year.",
		"   Those who want to see the lighthouse should take the path",
		"along the well-known cliff, for the road is closed and",
	}
	var pages []string
	want := ""
	for i, word := range words {
		page[0] = word + " ferry leaves the small harbour at seven and needs about"
		pages = append(pages, set(i+1, page...))
		want += page[0] + " forty minutes to the island. A bus waits for the passengers every day of the year.\n\n" +
			"Those who want to see the lighthouse should take the path along the well-known cliff, for the road is closed and\n\n"
	}
	want = strings.TrimSuffix(want, "\n\n") + " nobody knows why.\n\nI saw a ship\na-sailing by\non the sea\n\nThe end (of it)."
	pages = append(pages, set(7, "nobody knows why.", "", "", "I saw a ship", "a-sailing by", "on the sea", "", "", "The end (of it)."), "q 100 0 0 100 0 0 cm /I Do Q", "")
	doc, err := Read(context.Background(), write("", pages...))
	if err != nil {
		t.Fatal(err)
	}
	if doc.Text != want {
		t.Error(cmp.Diff(strings.Split(want, "\n"), strings.Split(doc.Text, "\n")))
	}
	if doc.Title != "A Ferry" || doc.Author != "N. Obody" || doc.Pages != 9 || fmt.Sprint(doc.Pictures) != "[8]" {
		t.Errorf("%q by %q, %d pages, pictures %v", doc.Title, doc.Author, doc.Pages, doc.Pictures)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		file string
		want error
	}{
		"pictures alone": {string(write("", "/I Do", "q /I Do Q")), ErrNoTextLayer},
		"locked":         {string(write("/ID[(0123456789abcdef)(0123456789abcdef)]/Encrypt<</Filter/Standard/V 1/R 2/P -4/O(01234567890123456789012345678901)/U(01234567890123456789012345678901)>>", "")), ErrLocked},
		"no PDF":         {"%PDF-1.4\nnothing", ErrDamaged},
		"a tree in circles": {"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 1000000000/Kids[2 0 R 2 0 R]>>endobj\n" +
			"trailer<</Root 1 0 R/Size 4000000000/Prev 9>>\nstartxref\n9\n%%EOF", nil},
	} {
		doc, err := Read(context.Background(), []byte(test.file))
		if test.want != nil && !errors.Is(err, test.want) || test.want == nil && doc.Text != "" {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, write("", "")); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancelling: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(write("", set(1, "a", "b"), "/I Do"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if doc, err := Read(context.Background(), b); err == nil && !utf8.ValidString(doc.Text+doc.Title) {
			t.Error("not UTF-8")
		}
	})
}
