package extract

import (
	"strings"
	"testing"
	"time"
)

func TestWikitext(t *testing.T) {
	for in, want := range map[string]string{
		"'''Ana''' is a [[town|small town]] in [[Spain]].<ref name=\"a\">A [[book]].</ref> It<ref name=b /> lies {{convert|3|km|abbr={{x}}}}there.": "Ana is a small town in Spain. It lies there.",
		"[[File:A.jpg|thumb|A [[caption]] here]]Text.\n[[Category:Towns]]\n[[es:Pueblo]]":                                                           "Text.",
		"== History ==\nOnce.\n=== Later ===\n* one\n* [[two]]\n: said":                                                                             "History\n\nOnce.\n\nLater\n\n- one\n- two\nsaid",
		"{| class=\"wikitable\"\n|-\n| a || b\n{|\n|}\n|}\nAfter &amp; &eacute;&nbsp;x.":                                                            "After & é x.",
		"See [http://x.org the site] and [http://y.org] <!-- not this\n --><b>bold</b> __NOTOC__":                                                   "See the site and  bold",
		"An open {{template stays":                         "An open template stays",
		"A title: [[Alien: Covenant]] and [[:Category:X]]": "A title: Alien: Covenant and Category:X",
	} {
		if got := Wikitext(in); got != want {
			t.Errorf("%q:\n%q, want\n%q", in, got, want)
		}
	}
	began := time.Now()
	for _, hostile := range []string{strings.Repeat("{{", 1<<19), strings.Repeat("[[", 1<<17), strings.Repeat("<ref>", 1<<15), strings.Repeat("<", 1<<20), strings.Repeat("<ref ", 1<<18)} {
		Wikitext(hostile)
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("%v", took)
	}
}

func FuzzWikitext(f *testing.F) {
	f.Add("{{a}} [[b|c]] <ref>d</ref> == e == {| |}")
	f.Fuzz(func(t *testing.T, s string) { Wikitext(s) })
}
