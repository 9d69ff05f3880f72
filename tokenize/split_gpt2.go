package tokenize

// nextGPT2 returns the end of the piece that begins at i:
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func nextGPT2(b []byte, i int) int {
	c := b[i]
	if c == '\'' && i+1 < len(b) {
		switch b[i+1] {
		case 's', 't', 'm', 'd':
			return i + 2
		case 'r', 'v':
			if i+2 < len(b) && b[i+2] == 'e' {
				return i + 3
			}
		case 'l':
			if i+2 < len(b) && b[i+2] == 'l' {
				return i + 3
			}
		}
	}
	j := i
	if c == ' ' {
		if j++; j == len(b) {
			return j
		}
	}
	k, w := classAt(b, j)
	switch {
	case isLetter(k):
		return letters(b, j+w)
	case k == number:
		return numbers(b, j+w, len(b))
	case isOther(k):
		return others(b, j+w)
	}
	end, last, _ := spaces(b, i)
	return untilLast(b, i, end, last)
}
