//go:build !amd64 || purego

package minhash

func levels() map[string]func(func()) {
	return map[string]func(func()){"plain": func(do func()) { do() }}
}
