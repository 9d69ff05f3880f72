package kernel

// A sight is the part of a strip of scores that its queries see: of n columns the first row
// sees first, and each row after it more further ones, from 0 to n. Rows are ld apart, and lie in
// scratch memory: what is behind column n, to the end of a vector, may be overwritten.
type sight struct{ rows, n, first, more, ld int }

// of is how many columns row r sees.
func (s *sight) of(r int) int { return max(0, min(s.n, s.first+r*s.more)) }

func scoresMaxPlain(s sight, x, top []float32) {
	for r := range s.rows {
		top[r] = rowMaxPlain(x[r*s.ld:][:s.of(r)])
	}
}

func scoresExpPlain(s sight, x []float32, factor float32, shift, sum []float32) {
	for r := range s.rows {
		row, sees := x[r*s.ld:][:s.n], s.of(r)
		clear(row[sees:])
		sum[r] += expSumPlain(row[:sees], row[:sees], factor, shift[r])
	}
}

func scoresGradPlain(s sight, p, dp []float32, factor float32, lse, d []float32) {
	for r := range s.rows {
		p, dp, sees := p[r*s.ld:][:s.n], dp[r*s.ld:][:s.n], s.of(r)
		clear(p[sees:])
		clear(dp[sees:])
		for i, x := range p[:sees] {
			e := exp32(float32(x*factor) - lse[r])
			p[i] = e
			dp[i] = float32(factor*e) * (dp[i] - d[r])
		}
	}
}

func scoresScalePlain(s sight, x, factor []float32) {
	for r := range s.rows {
		scalePlain(x[r*s.ld:][:s.of(r)], factor[r])
	}
}

func logPlain(dst, x []float32) {
	for i, v := range x {
		dst[i] = log32(v)
	}
}
