package gemm

import (
	"runtime"
	"runtime/debug"
	"testing"

	"fragua/model/kernel/par"
)

// GEMMs of all forms allocate nothing once the pools are filled. Now and then the runtime allocates a
// record of a waiting goroutine, so one call of several must do without.
func TestMulMakesNoGarbage(t *testing.T) { atLevels(t, testGarbage) }

func testGarbage(t *testing.T, l *Kernels) {
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
			x := Args{Op: op, M: m, N: n, K: k, A: a, B: b, C: c, Acc: true}
			rounded := x
			rounded.Acc, rounded.BF16 = false, true
			for name, f := range map[string]func(){
				"f32":  func() { l.Mul(x, Epilogue{}) },
				"bf16": func() { l.Mul(rounded, Epilogue{}) },
				"prepacked": func() {
					if op != TN {
						p := l.Prepack(Args{Op: op, N: n, K: k, B: b}, 2)
						p.Mul(m, a, 0, c, n, false)
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
