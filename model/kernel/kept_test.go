package kernel

import (
	"runtime"
	"runtime/debug"
	"testing"

	"fragua/model/kernel/par"
)

// Products of all forms and ways to be cut allocate nothing once memory has been laid out. Now
// and then the runtime makes a record of a goroutine that waits, so one call in some must do
// without.
func TestProductsMakeNoGarbage(t *testing.T) { atLevels(t, testGarbage) }

func testGarbage(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	defer par.SetWorkers(0)
	x := make([]float32, 3*1<<16)
	for i := range x {
		x[i] = float32(i % 7)
	}
	a, b, c := x[:1<<16], x[1<<16:2<<16], x[2<<16:]
	for _, s := range [][3]int{{16, 40, 50}, {20, 24, 800}, {200, 50, 20}, {100, 600, 30}, {17, 9, 3000}, {8, 8, 0}} {
		m, n, k := s[0], s[1], s[2]
		for _, op := range []Op{NT, NN, TN} {
			lda, ldb := max(k, 1), n
			switch op {
			case NT:
				ldb = max(k, 1)
			case TN:
				lda = m
			}
			for name, f := range map[string]func(){
				"f32":  func() { Gemm(op, m, n, k, a, lda, b, ldb, c, n, true, false) },
				"bf16": func() { Gemm(op, m, n, k, a, lda, b, ldb, c, n, false, true) },
				"prepacked": func() {
					if op != TN {
						p := Prepack(op, n, k, b, ldb, 2, false)
						p.Gemm(m, a, lda, c, n, false)
						p.Free()
					}
				},
			} {
				for _, workers := range []int{1, 2} {
					par.SetWorkers(workers)
					if least := garbage(f); least > 0 {
						t.Errorf("op %d of %v, %s, %d workers: %d allocations", op, s, name, workers, least)
					}
				}
			}
		}
	}
}

// garbage is how often f allocates, the least of some calls.
func garbage(f func()) uint64 {
	least := ^uint64(0)
	var before, after runtime.MemStats
	for call := 0; call < 50 && least > 0; call++ {
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.Mallocs-before.Mallocs)
	}
	return least
}
