//go:build !linux

package tokenize

func hugePages([]wordSlot) {}
