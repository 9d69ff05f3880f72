package tokenize

import "math/bits"

// A vocabulary finds tokens by their bytes. Short ones have the keys of a
// wordCache, so that one look at one place in memory answers.
type vocabulary struct {
	slots []vocabularySlot
	long  map[string]int32
}

type vocabularySlot struct {
	k0, k1 uint64 // k1's top byte is the length; 0: free
	id     int32
}

// newVocabulary makes one for up to n tokens.
func newVocabulary(n int) *vocabulary {
	return &vocabulary{hugePages(make([]vocabularySlot, 1<<bits.Len(uint(n+n/2)))), map[string]int32{}}
}

// find returns the slot of a key, or a free one for it.
func (v *vocabulary) find(k0, k1 uint64) *vocabularySlot {
	mask := uint64(len(v.slots) - 1)
	for h := wordHash(k0, k1); ; h++ {
		if s := &v.slots[h&mask]; s.k0 == k0 && s.k1 == k1 || s.k1 == 0 {
			return s
		}
	}
}

// set takes up a token that is not there yet and not empty.
func (v *vocabulary) set(token string, id int32) {
	if len(token) > wordMax {
		v.long[token] = id
		return
	}
	k0, k1 := wordKey(asBytes(token), 0, len(token))
	*v.find(k0, k1) = vocabularySlot{k0, k1, id}
}

// id returns the id of a token; -1 if there is none.
func (v *vocabulary) id(token []byte) int32 {
	if len(token) > wordMax {
		if id, ok := v.long[string(token)]; ok {
			return id
		}
		return -1
	}
	k0, k1 := wordKey(token, 0, len(token))
	if s := v.find(k0, k1); s.k1 != 0 {
		return s.id
	}
	return -1
}
