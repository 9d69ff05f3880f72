//go:build !linux

package par

func useHugePages([]byte) {}
