package extract

import (
	"fmt"
	"strings"
	"testing"
)

// scanned sets prose on pages: each begins with a head, ends with a foot, and breaks a
// sentence, now and then a word.
func scanned(pages int, head, foot func(page int) string) (book, want string) {
	words := strings.Fields("the ferry leaves the small harbour at seven and needs about forty minutes to the island where a bus waits for the passengers every day of the year")
	var s strings.Builder
	var all []string
	for p := range pages {
		if h := head(p + 1); h != "" {
			s.WriteString(h + "\n\n")
		}
		for line := range 12 {
			for i := range 10 {
				w := words[(p*7+line*10+i)%len(words)]
				if line == 0 && i == 0 && p == 0 {
					w = "Once"
				}
				all = append(all, w)
				s.WriteString(w)
				if i < 9 {
					s.WriteByte(' ')
				}
			}
			s.WriteByte('\n')
		}
		s.WriteByte('\n')
		if f := foot(p + 1); f != "" {
			s.WriteString(f + "\n\n")
		}
	}
	return s.String(), strings.Join(all, " ")
}

func TestPageFurniture(t *testing.T) {
	none := func(int) string { return "" }
	for name, test := range map[string]struct{ head, foot func(int) string }{
		"numbers at the foot": {none, func(p int) string { return fmt.Sprint(p) }},
		"numbers in dashes":   {none, func(p int) string { return fmt.Sprintf("— %d —", p+10) }},
		"heads with numbers":  {func(p int) string { return fmt.Sprintf("%d THE TIN BRIDGE", p) }, none},
		"heads on two sides": {func(p int) string {
			return []string{fmt.Sprintf("%d  The Tin Bridge", p), fmt.Sprintf("A Storm.  %d", p)}[p%2]
		}, none},
		"heads without numbers": {func(int) string { return "THE TIN BRIDGE" }, none},
		"heads and numbers":     {func(int) string { return "THE TIN BRIDGE" }, func(p int) string { return fmt.Sprintf("[%d]", p) }},
		"marks":                 {none, func(p int) string { return fmt.Sprintf("[Pg %d]", p) }},
	} {
		book, want := scanned(14, test.head, test.foot)
		got, removed := PageFurniture(book)
		flat := strings.Join(strings.Fields(got), " ")
		flat = strings.TrimPrefix(flat, "THE TIN BRIDGE ") // the first head is the title
		if flat != want || removed < 13 {
			t.Errorf("%s: %d removed, left %.200q\nwant %.200q", name, removed, flat, want)
		}
		if blocks := Blocks(got); name != "marks" && len(blocks) > 2 {
			t.Errorf("%s: %d blocks, want the sentence to go on", name, len(blocks))
		}
	}
}

// TestNoFurniture holds that chapters, lists and verse keep their numbers.
func TestNoFurniture(t *testing.T) {
	var years, items strings.Builder
	for i := range 20 {
		fmt.Fprintf(&years, "%d\n\nThe ferry did not leave.\n\n", 1890+i)
		fmt.Fprintf(&items, "%d. A lamp for the ferry\n", i+1)
	}
	for name, book := range map[string]string{
		"chapters":       book("1", "2", "3", "4", "5", "6", "7"),
		"roman chapters": book("I", "II", "III", "IV", "V", "VI"),
		"years":          years.String(),
		"a list":         items.String(),
		"a refrain":      strings.Repeat("HEAVE AWAY\n\nThe ferry leaves.\n\n", 10),
		"no text":        "",
	} {
		if got, removed := PageFurniture(book); got != book || removed != 0 {
			t.Errorf("%s: %d lines removed", name, removed)
		}
	}
}
