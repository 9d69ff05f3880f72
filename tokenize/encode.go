package tokenize

import (
	"slices"
	"unsafe"
)

// byteBPE encodes by byte-pair encoding on bytes.
type byteBPE struct {
	pattern *Pattern
	pairs   pairTable   // without rules that never apply
	ofPair  []uint32    // ranks of pairs of bytes, the first times 256
	ofByte  [256]int32  // -1: no token, the byte is lost
	whole   *vocabulary // pieces that are tokens need no merges; nil: they do
}

// lossy says whether there are bytes without a token.
func (e *byteBPE) lossy() bool { return slices.Contains(e.ofByte[:], -1) }

// A state is what one goroutine needs to encode.
type state struct {
	cache *wordCache
	merger
	ids   []int32
	queue queue
}

// asBytes lends the bytes of a string; nobody may write to them.
func asBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// piece appends the ids of one piece, without the cache.
func (e *byteBPE) piece(dst []int32, st *state, piece []byte) []int32 {
	if e.whole != nil {
		if id := e.whole.id(piece); id >= 0 {
			return append(dst, id)
		}
	}
	n := len(dst)
	dst = slices.Grow(dst, len(piece))
	for _, c := range piece {
		if id := e.ofByte[c]; id >= 0 {
			dst = append(dst, id)
		}
	}
	ids := dst[n:]
	if len(ids) == len(piece) && len(ids) <= scanLimit {
		for i := 1; i < len(piece); i++ {
			st.rank[i-1] = e.ofPair[int(piece[i-1])<<8|int(piece[i])]
		}
		ids = e.pairs.mergeShort(ids, 1, &st.merger)
	} else {
		ids = e.pairs.merge(ids, 1, &st.merger)
	}
	return dst[:n+len(ids)]
}

// cached appends the ids of one piece of any length.
func (e *byteBPE) cached(dst []int32, st *state, b []byte, i, j int) []int32 {
	c := st.cache
	if j-i > wordMax {
		if ids, ok := c.long[string(b[i:j])]; ok {
			return append(dst, ids...)
		}
		n := len(dst)
		dst = e.piece(dst, st, b[i:j])
		c.keep(b[i:j], dst[n:])
		return dst
	}
	k0, k1 := slotKey(b, i, j)
	s := c.find(k0, k1)
	if s.k1 != 0 {
		return c.append(dst, s)
	}
	n := len(dst)
	dst = e.piece(dst, st, b[i:j])
	c.fill(s, k0, k1, dst[n:])
	return dst
}

// append appends the ids of a text. It defines what fast does quickly.
func (e *byteBPE) append(dst []int32, st *state, b []byte) []int32 {
	for i := 0; i < len(b); {
		j := e.pattern.next(b, i)
		dst = e.cached(dst, st, b, i, j)
		i = j
	}
	return dst
}

// fast is append by blocks: pieces are cut until the queue is full, and then all
// of them looked up.
func (e *byteBPE) fast(dst []int32, st *state, b []byte) []int32 {
	next := e.pattern.next
	q := &st.queue
	i := 0
	for i+blockSize+keySize <= len(b) {
		base := b[i:]
		n, end := q.fill(e.pattern, base)
		if n == 0 { // a long piece
			j := next(b, i)
			dst = e.cached(dst, st, b, i, j)
			i = j
			continue
		}
		slots := st.cache.slots
		q.keys(n, base, slots)
		for k := 0; k < n; {
			dst = slices.Grow(dst, len(slots[0].ids)*(n-k))
			out := dst[len(dst):cap(dst)]
			found, o := q.look(k, n, slots, out)
			k += found
			dst = dst[:len(dst)+o]
			if k < n {
				dst = e.cached(dst, st, base, int(q.start[k]), int(q.start[k+1]))
				k++
				if len(st.cache.slots) != len(slots) {
					slots = st.cache.slots
					q.keys(n, base, slots)
				}
			}
		}
		i += end
	}
	for i < len(b) {
		j := next(b, i)
		dst = e.cached(dst, st, b, i, j)
		i = j
	}
	return dst
}
