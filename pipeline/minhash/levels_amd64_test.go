//go:build amd64 && !purego

package minhash

// levels returns how to run something with each body of the machine.
func levels() map[string]func(func()) {
	avx2, avx512 := hasAVX2, hasAVX512
	with := func(a, b bool) func(func()) {
		return func(do func()) {
			hasAVX2, hasAVX512 = a, b
			defer func() { hasAVX2, hasAVX512 = avx2, avx512 }()
			do()
		}
	}
	all := map[string]func(func()){"plain": with(false, false)}
	if avx2 {
		all["avx2"] = with(true, false)
	}
	if avx512 {
		all["avx512"] = with(true, true)
	}
	return all
}
