package tensor

import "testing"

func TestHeadRows(t *testing.T) {
	for _, c := range []struct{ rows, vocab, want int }{
		{0, 100, 0}, {7, 100, 7}, {4096, 8192, 1024}, {1025, 8192, 513}, {3000, 8192, 1000},
		{1024, 50304, 512}, {40, 1 << 22, 14}, // no more than 16
	} {
		if got := HeadRows(c.rows, c.vocab); got != c.want {
			t.Errorf("%d rows of %d: %d at a time, want %d", c.rows, c.vocab, got, c.want)
		}
	}
}
