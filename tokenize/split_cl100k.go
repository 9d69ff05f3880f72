package tokenize

import "math/bits"

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

func cutsCL100K(b []byte, i int) uint64 { return cutsLine(b, i, 3) }
func cutsQwen(b []byte, i int) uint64   { return cutsLine(b, i, 1) }

// cutsLine is nextLine for all pieces that begin in a block; see cutter. White
// space that reaches the end of the text reaches that of the block.
func cutsLine(b []byte, i, most int) uint64 {
	var m masks
	classify(&m, (*[blockSize]byte)(b[i:]))
	w := wide{within: ^uint64(0)}
	if m.high != 0 {
		w = m.widen(b, i, 0)
	}
	other := ^(m.letter | m.number | m.white)
	lines := m.behind(other)
	starts := m.whites(lines, w.within)
	lead := runs(other) &^ (m.space << 1)
	starts |= lead | runs(m.letter)&^(m.white&^m.line<<1|w.after(lead)) | m.numbers(most)
	for q := m.quote & lead & w.within; q != 0; q &= q - 1 {
		p := bits.TrailingZeros64(q)
		if end := suffix(b, i+p); end != 0 {
			starts |= 1 << (end - i)
		}
	}
	return starts & w.within
}

// behind returns the line ends that follow the characters of x, and belong to
// their piece.
func (m *masks) behind(x uint64) uint64 {
	first := x << 1 & m.line
	if first == 0 {
		return 0
	}
	return m.line &^ (m.line + first)
}

// whites is where pieces begin by `\s*[\r\n]+|\s+(?!\S)|\s+`, lines being the line
// ends that belong to the piece before.
func (m *masks) whites(lines, within uint64) uint64 {
	white := m.white &^ lines
	blank := white &^ m.line
	starts := runs(white) | blank&(^white&within>>1)
	// Blanks behind a line end: unless another line end follows them.
	behind := blank & ((m.line &^ lines) << 1)
	for ; behind != 0; behind &= behind - 1 {
		p := bits.TrailingZeros64(behind)
		next := through(blank, 1<<p) & within
		if next != 0 && next&m.line == 0 {
			starts |= 1 << p
		}
	}
	return starts
}

// numbers is where pieces begin by `\p{N}{1,most}`.
func (m *masks) numbers(most int) uint64 {
	if most == 1 {
		return m.number
	}
	starts := runs(m.number)
	four := m.number & (m.number << 1)
	four &= four << 2
	for s := starts << 3 & four; s != 0; s = s << 3 & four {
		starts |= s
	}
	return starts
}
