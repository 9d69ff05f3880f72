package minhash

// Common counts the numbers that two ascending lists share.
func Common(a, b []uint64) (n int) {
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		x, y := a[i], b[j]
		if x == y {
			n++
		}
		if x <= y {
			i++
		}
		if y <= x {
			j++
		}
	}
	return n
}

// Jaccard returns |A ∩ B| / |A ∪ B| of two sets in ascending order; 0 if both are empty.
func Jaccard(a, b []uint64) float64 {
	n := Common(a, b)
	if n == 0 {
		return 0
	}
	return float64(n) / float64(len(a)+len(b)-n)
}

// Containment returns |A ∩ B| / min(|A|, |B|): 1 if one set holds all of the other.
func Containment(a, b []uint64) float64 {
	n := Common(a, b)
	if n == 0 {
		return 0
	}
	return float64(n) / float64(min(len(a), len(b)))
}
