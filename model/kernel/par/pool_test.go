package par

import (
	"sync/atomic"
	"testing"
)

func TestForCoversOnce(t *testing.T) {
	defer SetWorkers(0)
	for _, w := range []int{1, 2, 7} {
		SetWorkers(w)
		for _, n := range []int{0, 1, 5, 64, 1000} {
			for _, grain := range []int{1, 3, 64, 5000} {
				seen := make([]atomic.Int32, n)
				For(n, grain, func(lo, hi int) {
					if lo%grain != 0 || hi != min(n, lo+grain) {
						t.Errorf("chunk [%d, %d) of %d by %d", lo, hi, n, grain)
					}
					for i := lo; i < hi; i++ {
						seen[i].Add(1)
					}
				})
				for i := range seen {
					if seen[i].Load() != 1 {
						t.Fatalf("%d workers, n %d, grain %d: %d done %d times", w, n, grain, i, seen[i].Load())
					}
				}
			}
		}
	}
}

// Calls may nest, and come from many goroutines at once.
func TestForNests(t *testing.T) {
	defer SetWorkers(0)
	SetWorkers(3)
	var total atomic.Int64
	done := make(chan struct{})
	for range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 200 {
				For(10, 1, func(lo, _ int) {
					For(10, 3, func(a, b int) { total.Add(int64(b - a)) })
				})
			}
		}()
	}
	for range 8 {
		<-done
	}
	if total.Load() != 8*200*100 {
		t.Errorf("%d of %d pieces done", total.Load(), 8*200*100)
	}
}

func BenchmarkFor(b *testing.B) {
	for range b.N {
		For(2, 1, func(lo, hi int) {})
	}
}
