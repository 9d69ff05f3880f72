package finetune

import (
	"reflect"
	"slices"
	"testing"
)

// TestShortlist: words that stand for each other are found, and read back as they were written.
func TestShortlist(t *testing.T) {
	var rows []sequence
	for i := range 300 { // word w is translated by w + 10; the order is another
		a, b, c := int32(i%5), int32(i/5%5), int32(i%3)
		rows = append(rows, sequence{source: []int32{a, b, c}, ids: []int32{9, c + 10, a + 10, b + 10, 8}, learn: []bool{false, true, true, true, true}})
	}
	l := newShortlist(Shortlisting{Best: 3, Frequent: 2}, rows, 20)
	for w := range int32(5) {
		if !slices.Contains(l.best[w], w+10) || len(l.best[w]) > 3 {
			t.Errorf("%d may become %v", w, l.best[w])
		}
	}
	if len(l.frequent) != 2 || !slices.Contains(l.frequent, 8) { // the end of each
		t.Errorf("the most frequent are %v", l.frequent)
	}
	only := l.of([]sequence{{source: []int32{4}}}, 7)
	for _, id := range []int32{4, 7, 14} {
		if !slices.Contains(only, id) {
			t.Errorf("%d is not in %v", id, only)
		}
	}
	if !slices.IsSorted(only) || len(only) == 20 {
		t.Errorf("the list is %v", only)
	}
	dir := t.TempDir()
	if err := l.save(dir); err != nil {
		t.Fatal(err)
	}
	again, err := openShortlist(dir, 20)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again.frequent, l.frequent) || !slices.EqualFunc(again.best, l.best, slices.Equal) {
		t.Error("it is read back otherwise")
	}
	for _, vocab := range []int{19, 21} {
		if _, err := openShortlist(dir, vocab); err == nil {
			t.Errorf("it was read for %d ids", vocab)
		}
	}
}
