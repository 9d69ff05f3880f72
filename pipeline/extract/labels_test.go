package extract

import (
	"testing"
)

func TestLabels(t *testing.T) {
	blocks := []block{
		{text: "Home News Sport"},
		{text: "The tin bridge"},
		{text: "The bridge over the river was closed on Monday after a storm."},
		{text: "Most read: the bridge over the river was closed on Monday"},
		{text: "—"},
		{text: "Nobody crossed it again, said the mayor, before the winter came."},
	}
	got := labels(blocks, "The tin bridge\n\nThe bridge over the river was closed on Monday after a storm.\n\nNobody crossed it again, said the mayor, before the winter came.")
	for i, want := range []float64{0, 1, 1, 0, -1, 1} {
		if got[i] != want {
			t.Errorf("%q is main text by %v, want %v", blocks[i].text, got[i], want)
		}
	}
}

func TestScore(t *testing.T) {
	for _, test := range []struct {
		got, want string
		p, r, f1  float64
	}{
		{"a b c d", "A, b! c? d.", 1, 1, 1},
		{"a a b", "a b", 2. / 3, 1, .8},
		{"x", "a b", 0, 0, 0},
		{"", "a", 0, 0, 0},
		{"", "", 1, 1, 1},
		{"año_1 ñ", "AÑO_1", .5, 1, 2. / 3},
	} {
		if p, r, f1 := Score(test.got, test.want); p != test.p || r != test.r || f1 != test.f1 {
			t.Errorf("Score(%q, %q) = %v, %v, %v; want %v, %v, %v", test.got, test.want, p, r, f1, test.p, test.r, test.f1)
		}
	}
}

// TestChoose holds that blocks are chosen by what they add to the expected F1.
func TestChoose(t *testing.T) {
	for _, test := range []struct {
		name     string
		p, words []int
		pageType string
		want     []bool
	}{
		{"likely blocks", []int{900, 100, 950}, []int{50, 50, 50}, "forum", []bool{true, false, true}},
		{"half as likely as the best", []int{300, 300, 20}, []int{50, 50, 50}, "forum", []bool{true, true, false}},
		{"a label in an article", []int{950, 550}, []int{80, 3}, "article", []bool{true, false}},
		{"never nothing", []int{90, 10}, []int{8, 8}, "article", []bool{true, false}},
	} {
		chosen, quality := choose(test.p, test.words, test.pageType)
		for i := range chosen {
			if chosen[i] != test.want[i] {
				t.Errorf("%s: chose %v, want %v", test.name, chosen, test.want)
				break
			}
		}
		if quality <= 0 || quality > 1000 {
			t.Errorf("%s: expected F1 of %d thousandths", test.name, quality)
		}
	}
}
