package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"fragua/pipeline/langid"
)

// misencoded are letters that subtitles of a language have in place of its own,
// as they were read in Windows-1252.
var misencoded = map[string]string{
	"hu": "õûÕÛ", "ro": "ãþÃÞºª", "tr": "ýþðÝÞÐ", "et": "ðþÐÞ", "lt": "àèæëáðøûþÀÈÆËÁÐØÛÞ", "lv": "âèçîìíïòðûþÂÈÇÎÌÍÏÒÐÛÞ",
	"hr": "èæðÈÆÐ¹¾", "bs": "èæðÈÆÐ¹¾", "sr": "èæðÈÆÐ¹¾", "sl": "èæðÈÆÐ¹¾", "cs": "ìøùèïòÌØÙÈÏÒ¹¾", "sk": "ìøùèïòåÌØÙÈÏÒ¹¾", "pl": "¹êæ³ñ¿ÊÆÑ",
}

// letters writes the table from which pipeline/extract judges encodings: a line
// for each language, with how many of 1,000 characters are outside ASCII, and
// those characters, each followed by a letter for how rare it is among them: a
// is one of two to one of one, b one of four, and so on by halves.
func letters(all []corpus) []byte {
	var out strings.Builder
	for k, c := range all {
		code := langid.Languages[k].Code
		wrong := misencoded[code]
		if code == "" || len(c.lines) == 0 && len(c.words) == 0 {
			continue
		}
		counts := map[rune]float64{}
		ascii, others := 0.0, 0.0
		count := func(s string, n float64) {
			for _, r := range s {
				switch {
				case r < utf8.RuneSelf:
					ascii += n
				case unicode.IsPrint(r) && !strings.ContainsRune(wrong, r):
					counts[r] += n
					others += n
				}
			}
		}
		for _, s := range c.lines {
			count(s, 1)
		}
		last := 0.0
		for _, w := range c.common { // the words of a list are worth as much as a thousand lines
			count(w.text, (w.sum-last)*1000)
			last = w.sum
		}
		type pair struct {
			r rune
			n float64
		}
		var list []pair
		for r, n := range counts {
			if n/others > 1e-5 {
				list = append(list, pair{r, n})
			}
		}
		slices.SortFunc(list, func(a, b pair) int {
			return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.r, b.r))
		})
		fmt.Fprintf(&out, "%s %.0f ", code, max(1, 1000*others/(ascii+others)))
		for _, p := range list[:min(len(list), 1500)] {
			fmt.Fprintf(&out, "%c%c", p.r, 'a'+int(-math.Log2(p.n/others)))
		}
		out.WriteByte('\n')
	}
	return []byte(out.String())
}
