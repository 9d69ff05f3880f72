//go:build !amd64 || purego

package tokenize

func classify(m *masks, text *[blockSize]byte) { classifyPlain(m, text) }

func (q *queue) keys(n int, b []byte, slots []wordSlot) { q.keysPlain(n, b, slots) }

func (q *queue) look(from, n int, slots []wordSlot, out []int32) (found, o int) {
	return q.lookPlain(from, n, slots, out)
}
