//go:build amd64 && !purego

package tokenize

import "golang.org/x/sys/cpu"

var (
	hasAVX2   = cpu.X86.HasAVX2
	hasAVX512 = cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW
)

// classify sets the classes of the ASCII bytes of text.
func classify(m *masks, text *[blockSize]byte) {
	switch {
	case hasAVX512:
		classifyAVX512(&m.letter, &text[0])
	case hasAVX2:
		classifyAVX2(&m.letter, &text[0])
	default:
		classifyPlain(m, text)
	}
}
