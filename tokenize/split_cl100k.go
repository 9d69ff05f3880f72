package tokenize

// The patterns of GPT-4 and of those who took it over differ in two places: how
// many numbers one piece may hold, and whether all white space at the very end
// of the text is one piece even if lines end in it.
//
//	'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s++$|\s*[\r\n]+|\s+(?!\S)|\s+
func nextCL100K(b []byte, i int) int { return nextLine(b, i, 3, true) }
func nextLlama3(b []byte, i int) int { return nextLine(b, i, 3, false) }
func nextQwen(b []byte, i int) int   { return nextLine(b, i, 1, false) }

func nextLine(b []byte, i, most int, tail bool) int {
	c := b[i]
	if c == '\'' {
		if end := suffix(b, i); end != 0 {
			return end
		}
	}
	k, w := classAt(b, i)
	if isLetter(k) {
		return letters(b, i+w)
	}
	if k == number {
		return numbers(b, i+w, most-1)
	}
	j := i + w
	var after class = newline
	if j < len(b) {
		var w2 int
		after, w2 = classAt(b, j)
		if isLetter(after) && k != newline {
			return letters(b, j+w2)
		}
	}
	if isOther(k) || c == ' ' && isOther(after) {
		j = others(b, j)
		for j < len(b) && (b[j] == '\n' || b[j] == '\r') {
			j++
		}
		return j
	}
	end, last, line := spaces(b, i)
	switch {
	case tail && end == len(b):
		return end
	case line != 0:
		return line
	}
	return untilLast(b, i, end, last)
}
