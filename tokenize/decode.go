package tokenize

// tokenBytes holds the text that each id stands for, in bytes, by id, ready to be
// copied sixteen bytes at a time.
type tokenBytes struct {
	short []shortBytes
	long  []string // where short says so
}

type shortBytes struct {
	b [15]byte
	n uint8 // 16: look in long
}

func newTokenBytes(texts []string) tokenBytes {
	t := tokenBytes{make([]shortBytes, len(texts)), make([]string, len(texts))}
	for id, s := range texts {
		if len(s) > 15 {
			t.short[id].n, t.long[id] = 16, s
			continue
		}
		t.short[id].n = uint8(copy(t.short[id].b[:], s))
	}
	return t
}

func (t *tokenBytes) append(dst []byte, ids []int32) []byte {
	for len(ids) > 0 {
		n := min(len(ids), 1<<12)
		dst = growBytes(dst, 16*n)
		out, o := dst[:cap(dst)], len(dst)
		for k, id := range ids[:n] {
			if uint(id) >= uint(len(t.short)) {
				continue
			}
			s := &t.short[id]
			if s.n > 15 {
				dst = append(out[:o], t.long[id]...)
				dst = growBytes(dst, 16*(n-k))
				out, o = dst[:cap(dst)], len(dst)
				continue
			}
			*(*[15]byte)(out[o:]) = s.b
			o += int(s.n)
		}
		dst = out[:o]
		ids = ids[n:]
	}
	return dst
}

func growBytes(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	c := make([]byte, len(b), max(2*cap(b), len(b)+n))
	copy(c, b)
	return c
}

// AppendBytes appends the text of ids as it is, valid UTF-8 or not: one id may
// stand for half a character. Special tokens, and ids that are none, stand for
// nothing.
func (t *Tokenizer) AppendBytes(dst []byte, ids ...int32) []byte {
	if t.dec != nil {
		return append(dst, t.dec.text(t.tokensOf(ids, false))...)
	}
	return t.bytes.append(dst, ids)
}

// Decode returns the text of ids, special tokens left out. Bytes of neighbouring
// ids are joined before whatever is not UTF-8 becomes U+FFFD.
func (t *Tokenizer) Decode(ids []int32) string {
	b := t.AppendBytes(nil, ids...)
	return string(appendValid(make([]byte, 0, len(b)), b))
}

// DecodeAll is Decode with special tokens as they are written.
func (t *Tokenizer) DecodeAll(ids []int32) string {
	if t.dec != nil {
		return t.dec.text(t.tokensOf(ids, true))
	}
	var b []byte
	for i := 0; i < len(ids); {
		j := i
		for j < len(ids) && !t.Special(ids[j]) {
			j++
		}
		b = t.bytes.append(b, ids[i:j])
		if j < len(ids) {
			b = append(b, t.tokens[ids[j]]...)
			j++
		}
		i = j
	}
	return string(appendValid(make([]byte, 0, len(b)), b))
}

func (t *Tokenizer) tokensOf(ids []int32, special bool) []string {
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		if s, ok := t.Token(id); ok && (special || !t.Special(id)) {
			out = append(out, s)
		}
	}
	return out
}

// ByteLen returns how many bytes of text an id stands for; 0 for special tokens
// and for ids that are none.
func (t *Tokenizer) ByteLen(id int32) int {
	if uint(id) >= uint(len(t.bytes.short)) {
		return 0
	}
	if n := t.bytes.short[id].n; n < 16 {
		return int(n)
	}
	return len(t.bytes.long[id])
}
