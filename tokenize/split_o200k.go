package tokenize

import "math/bits"

// nextO200K returns the end of the piece that begins at i. A word here is
// capitals and then small letters, with letters that have no case and marks
// belonging to both; one character that is no letter, number or line end may
// lead, and an English suffix may follow:
//
//	[^\r\n\p{L}\p{N}]?U*L+(?i:'s|…)?|[^\r\n\p{L}\p{N}]?U+L*(?i:'s|…)?
//	|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
//	U = [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]   L = [\p{Ll}\p{Lm}\p{Lo}\p{M}]
func nextO200K(b []byte, i int) int {
	k, w := classAt(b, i)
	switch k {
	case number:
		return numbers(b, i+w, 2)
	case newline:
	default:
		if end := o200kWord(b, i, k, w); end != 0 {
			return end
		}
	}
	j := i
	if b[i] == ' ' && i+1 < len(b) {
		j++
		k, w = classAt(b, j)
	}
	if isOther(k) {
		j = others(b, j+w)
		for j < len(b) && (b[j] == '\n' || b[j] == '\r' || b[j] == '/') {
			j++
		}
		return j
	}
	end, last, line := spaces(b, i)
	if line != 0 {
		return line
	}
	return untilLast(b, i, end, last)
}

// o200kWord tries the two alternatives for words in order, each with the
// leading character first and then without. The character at i has class k and
// w bytes.
func o200kWord(b []byte, i int, k class, w int) int {
	lead := -1
	if !isLetter(k) && i+w < len(b) {
		lead = i + w
	}
	for _, needLower := range [2]bool{true, false} {
		if lead >= 0 {
			if end := o200kLetters(b, lead, needLower); end != 0 {
				return end
			}
		}
		if end := o200kLetters(b, i, needLower); end != 0 {
			return end
		}
	}
	return 0
}

// o200kLetters matches U*L+ if needLower, else U+L*, and the suffix.
func o200kLetters(b []byte, i int, needLower bool) int {
	j, both := i, -1 // both: the last character of the run that is in U and in L
	var k class
	for j < len(b) {
		var w int
		k, w = classAt(b, j)
		if k != upper && k != letter && k != mark {
			break
		}
		if k != upper {
			both = j
		}
		j += w
	}
	if needLower {
		switch {
		case j < len(b) && k == lower:
		case both >= 0:
			j = both // U* gives back what L+ needs
		default:
			return 0
		}
	} else if j == i {
		return 0
	}
	for j < len(b) {
		k, w := classAt(b, j)
		if k != lower && k != letter && k != mark {
			break
		}
		j += w
	}
	if j < len(b) && b[j] == '\'' {
		if end := suffix(b, j); end != 0 {
			return end
		}
	}
	return j
}

// cutsO200K is nextO200K for all pieces that begin in a block; see cutter. The
// block ends where a letter without case stands before a capital, for which
// alternative matches then depends on what follows, and at a slash behind line
// ends that belong to the piece before.
func cutsO200K(b []byte, i int) uint64 {
	var m masks
	classify(&m, (*[blockSize]byte)(b[i:]))
	w := wide{within: ^uint64(0)}
	if m.high != 0 {
		w = m.widen(b, i, wideCases)
		w.end(w.both << 1 & m.upper)
	}
	other := ^(m.letter | m.number | m.white)
	lines := m.behind(other)
	for s := lines << 1 & other & w.within; s != 0; s &= s - 1 {
		if p := bits.TrailingZeros64(s); b[i+p] == '/' {
			w.end(1 << p)
		}
	}
	starts := m.whites(lines, w.within)
	lead := runs(other) &^ (m.space << 1)
	starts |= lead | runs(m.letter)&^(m.white&^m.line<<1|w.after(lead)) | m.numbers(3)
	starts |= m.upper & (m.letter &^ m.upper << 1)
	last := -1 // where the last suffix ended: what follows has no word before it
	for q := m.quote & (m.letter << 1) & w.within; q != 0; q &= q - 1 {
		p := bits.TrailingZeros64(q)
		if p == last {
			continue
		}
		if end := suffix(b, i+p); end != 0 {
			last = end - i
			starts = starts&^(1<<last-1<<p) | 1<<last
		}
	}
	return starts & w.within
}
