package tokenize

import "math/bits"

// nextGPT2 returns the end of the piece that begins at i:
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func nextGPT2(b []byte, i int) int {
	c := b[i]
	if c == '\'' {
		if n := contraction(b[i+1:]); n > 0 {
			return i + 1 + n
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

// cutsGPT2 is nextGPT2 for all pieces that begin in a block; see cutter.
func cutsGPT2(b []byte, i int) uint64 {
	var m masks
	classify(&m, (*[blockSize]byte)(b[i:]))
	within := ^uint64(0)
	if m.high != 0 {
		within = m.widen(b, i, wideNumbers).within
	}
	other := ^(m.letter | m.number | m.white)
	joined := m.space << 1 // behind a space, which begins the piece
	starts := (runs(m.letter) | runs(m.number) | runs(other)) &^ joined
	starts |= runs(m.white) | m.white&(^m.white&within>>1)
	for q := m.quote & runs(other) &^ joined & within; q != 0; q &= q - 1 {
		p := bits.TrailingZeros64(q)
		if n := contraction(b[i+p+1:]); n > 0 {
			starts = starts&^(2<<p) | 2<<n<<p
		}
	}
	return starts & within
}

// contraction returns the length of s, t, m, d, re, ve or ll at the start of b.
func contraction(b []byte) int {
	if len(b) > 0 {
		switch b[0] {
		case 's', 't', 'm', 'd':
			return 1
		case 'r', 'v':
			if len(b) > 1 && b[1] == 'e' {
				return 2
			}
		case 'l':
			if len(b) > 1 && b[1] == 'l' {
				return 2
			}
		}
	}
	return 0
}
