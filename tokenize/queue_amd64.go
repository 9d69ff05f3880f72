//go:build amd64 && !purego

package tokenize

func (q *queue) keys(n int, b []byte, slots []wordSlot) {
	_ = b[int(q.start[n-1])+keySize-1]
	keysAMD64(n, &q.start[0], &b[0], &keyParts[0].m0, &q.key[0].k0, &slots[0].k0, uint64(len(slots)-1))
}

func (q *queue) look(from, n int, slots []wordSlot, out []int32) (found, o int) {
	_ = out[len(slots[0].ids)*(n-from)-1]
	return lookAMD64(n-from, &q.key[from].k0, &slots[0].k0, &out[0])
}
