package kernel

// A visibleRange is what the queries of a strip see of n columns of scores: the first row the first
// first columns, and each row after it more columns more, from 0 to n. Rows are ld apart, in scratch
// memory: what follows column n, to the end of a vector, may be overwritten.
type visibleRange struct{ rows, n, first, more, ld int }

// of is how many columns row r visible.
func (v *visibleRange) of(r int) int { return max(0, min(v.n, v.first+r*v.more)) }

func scoresMaxPlain(v visibleRange, x, top []float32) {
	for r := range v.rows {
		top[r] = rowMaxPlain(x[r*v.ld:][:v.of(r)])
	}
}

func scoresExpPlain(v visibleRange, x []float32, factor float32, shift, sum []float32) {
	for r := range v.rows {
		row, visible := x[r*v.ld:][:v.n], v.of(r)
		clear(row[visible:])
		sum[r] += expSumPlain(row[:visible], row[:visible], factor, shift[r])
	}
}

func scoresGradPlain(v visibleRange, p, dp []float32, factor float32, lse, d []float32) {
	for r := range v.rows {
		p, dp, visible := p[r*v.ld:][:v.n], dp[r*v.ld:][:v.n], v.of(r)
		clear(p[visible:])
		clear(dp[visible:])
		for i, x := range p[:visible] {
			e := exp32(float32(x*factor) - lse[r])
			p[i] = e
			dp[i] = float32(factor*e) * (dp[i] - d[r])
		}
	}
}

func scoresScalePlain(v visibleRange, x, factor []float32) {
	for r := range v.rows {
		scalePlain(x[r*v.ld:][:v.of(r)], factor[r])
	}
}

func logPlain(dst, x []float32) {
	for i, v := range x {
		dst[i] = log32(v)
	}
}
