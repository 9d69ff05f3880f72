package extract

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A title alone is a short block on its own. Capitals tell it best; titles in
// small letters are taken only of books that have none in capitals.
const (
	longTitle     = 90   // bytes
	titleSpacing  = 2500 // bytes of text a title, at least, in the mean
	fewestTitles  = 3
	longestStride = 8 // the longest chapter is at most this many times the mean
)

// titles finds the headings of a book whose chapters have neither name nor number.
func titles(blocks []string) []heading {
	for k, is := range []func(string) bool{inCapitals, inSmallLetters} {
		var heads []heading
		for i, b := range blocks {
			if i == 0 || !is(b) || strings.Contains(blocks[i-1], "\n") && is(blocks[i-1]) {
				continue
			}
			// Text must follow: not another title, as on a title page or in a list of contents.
			if k == 1 && (i+1 >= len(blocks) || len(blocks[i+1]) < 120 || !endsSentence(blocks[i-1])) {
				continue
			}
			if i+1 < len(blocks) && !is(blocks[i+1]) && len(blocks[i+1])+size(blocks[i+1:min(i+4, len(blocks))]) > 300 {
				heads = append(heads, heading{block: i, level: titled, label: fold(b), title: strings.Join(strings.Fields(b), " ")})
			}
		}
		if apart(heads, blocks) {
			return heads
		}
	}
	return nil
}

// apart reports whether titles stand as chapters do: enough of them, all over the
// book, none said twice, and not the names of speakers.
func apart(heads []heading, blocks []string) bool {
	if len(heads) < fewestTitles {
		return false
	}
	all := size(blocks)
	seen := map[string]int{}
	longest := size(blocks[:heads[0].block])
	for i, h := range heads {
		seen[h.label]++
		end := len(blocks)
		if i+1 < len(heads) {
			end = heads[i+1].block
		}
		longest = max(longest, size(blocks[h.block:end]))
	}
	return len(seen)*10 >= len(heads)*9 && all >= len(heads)*titleSpacing && longest <= longestStride*all/len(heads)
}

func titleShape(b string) (lower, upper int, ok bool) {
	if len(b) > longTitle || len(b) < 3 || strings.Count(b, "\n") > 1 {
		return 0, 0, false
	}
	for _, r := range b {
		if unicode.IsLower(r) {
			lower++
		} else if unicode.IsUpper(r) {
			upper++
		}
	}
	return lower, upper, true
}

func inCapitals(b string) bool {
	lower, upper, ok := titleShape(b)
	last, _ := utf8.DecodeLastRuneInString(b)
	return ok && upper >= 4 && strings.Trim(b, "MDCLXVI. ") != "" && lower*10 <= upper && last != ',' && last != ':' && last != '!'
}

func inSmallLetters(b string) bool {
	lower, upper, ok := titleShape(b)
	if !ok || lower+upper < 4 || len(b) > 70 {
		return false
	}
	first, _ := utf8.DecodeRuneInString(b)
	last, _ := utf8.DecodeLastRuneInString(b)
	return (unicode.IsUpper(first) || first == '¿' || first == '¡' || first == '«' || unicode.IsDigit(first)) && (unicode.IsLetter(last) || unicode.IsDigit(last) || last == '»')
}

// endsSentence reports whether a block ends as prose does.
func endsSentence(b string) bool {
	last, _ := utf8.DecodeLastRuneInString(b)
	return strings.ContainsRune(".!?…\"”»'’)—-", last)
}
