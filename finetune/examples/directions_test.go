package examples

import (
	"slices"
	"strings"
	"testing"
)

// TestDirections: each pair is there both ways with its tags, in one split, and so are sentences
// that share a translation; training rows are there as often as their weight says.
func TestDirections(t *testing.T) {
	dir := t.TempDir()
	var once, twice strings.Builder
	for i := range 40 {
		once.WriteString(strings.Repeat("a", i+1) + "\t" + strings.Repeat("b", i/2+1) + "\n") // two sources share a target
		twice.WriteString(strings.Repeat("c", i+1) + "\t" + strings.Repeat("d", i+1) + "\n")
	}
	l := NewLabel()
	l.Source, l.Target = "1", "2"
	l.Data = []Data{
		{name: "table", rows: &Table{Path: file(t, dir, "once.tsv", []byte(once.String()))}},
		{name: "table", rows: &Table{Path: file(t, dir, "twice.tsv", []byte(twice.String())), Given: Given{Weight: 2.5, Tag: "<x>"}}},
	}
	l.Pairs.Directions = Directions{Forward: ">>es<<", Backward: ">>en<<"}
	if f := l.Check(); len(f) > 0 {
		t.Fatal(f)
	}
	sets, _, _, _ := runLabel(t, l)
	split, times, ids := map[string]string{}, map[string]int{}, map[string]bool{}
	for _, e := range slices.Concat(sets[Train], sets[Validation], sets[Test]) {
		tag, text, _ := strings.Cut(e.Text, " ")
		text = strings.TrimPrefix(text, "<x> ")
		if want := map[byte]string{'a': ">>es<<", 'b': ">>en<<", 'c': ">>es<<", 'd': ">>en<<"}[text[0]]; tag != want {
			t.Fatalf("%q → %q", e.Text, e.Target)
		}
		for _, s := range []string{text, e.Target} {
			if was, ok := split[s]; ok && was != e.Split {
				t.Errorf("%q is in %s and in %s", s, was, e.Split)
			}
			split[s] = e.Split
		}
		if ids[e.ID] {
			t.Errorf("id %s is there twice", e.ID)
		}
		ids[e.ID] = true
		if e.Split == Train {
			times[text[:1]]++
		} else {
			times[e.Split+text[:1]]++
		}
	}
	trained := 40 - times[Test+"c"] - times[Validation+"c"]
	if want := trained * 5 / 2; times["c"] != want || times["d"] != want {
		t.Errorf("%d training rows of weight 2.5 are written %d and %d times, want %d", trained, times["c"], times["d"], want)
	}
	if times["a"]+times[Test+"a"]+times[Validation+"a"] != 40 {
		t.Errorf("rows without a weight are written %v", times)
	}
	l.Pairs.Directions.Backward = ""
	l.Data[0].rows.(*Table).Weight = -1
	if f := l.Check(); len(f) != 2 {
		t.Errorf("faults are %v", f)
	}
}
