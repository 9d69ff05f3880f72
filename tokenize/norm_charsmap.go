package tokenize

import (
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// A charsMap is sentencepiece's precompiled normalizer: a double-array trie from
// what stands in the text to an offset into a text of replacements.
//
//	size of the trie in bytes (4, little-endian) | trie, units of 4 bytes | replacements, each ended by NUL
type charsMap struct {
	trie  []uint32
	texts string
}

func newCharsMap(data []byte) (*charsMap, error) {
	if len(data) < 4 {
		return nil, errors.New("normalizer Precompiled: the map is too short")
	}
	size := binary.LittleEndian.Uint32(data)
	data = data[4:]
	if uint64(size) > uint64(len(data)) || size%4 != 0 || size == 0 {
		return nil, errors.New("normalizer Precompiled: the map is damaged")
	}
	m := &charsMap{texts: string(data[size:])}
	for i := uint32(0); i < size; i += 4 {
		m.trie = append(m.trie, binary.LittleEndian.Uint32(data[i:]))
	}
	return m, nil
}

// lookup returns what the shortest entry that s begins with becomes.
func (m *charsMap) lookup(s string) (string, bool) {
	unit := func(at uint32) (uint32, bool) {
		if int(at) >= len(m.trie) {
			return 0, false
		}
		return m.trie[at], true
	}
	offset := func(u uint32) uint32 { return u >> 10 << (u & (1 << 9) >> 6) }
	at := offset(m.trie[0])
	for i := range len(s) {
		c := uint32(s[i])
		if c == 0 {
			break
		}
		at ^= c
		u, ok := unit(at)
		if !ok || u&(1<<31|0xFF) != c {
			break
		}
		at ^= offset(u)
		if u>>8&1 == 1 {
			v, ok := unit(at)
			v &= 1<<31 - 1
			if !ok || int(v) > len(m.texts) {
				break
			}
			text, _, _ := strings.Cut(m.texts[v:], "\x00")
			return text, true
		}
	}
	return "", false
}

// normalize replaces whole grapheme clusters where the map has short ones, and
// single characters elsewhere, as Hugging Face's spm_precompiled does.
func (m *charsMap) normalize(s string, limit int) string {
	var b strings.Builder
	for state := -1; s != ""; {
		checkGrowth(b.Len(), limit)
		var cluster string
		cluster, s, _, state = uniseg.FirstGraphemeClusterInString(s, state)
		if len(cluster) < 6 {
			if text, ok := m.lookup(cluster); ok {
				b.WriteString(text)
				continue
			}
		}
		for i := 0; i < len(cluster); {
			_, w := utf8.DecodeRuneInString(cluster[i:])
			if text, ok := m.lookup(cluster[i : i+w]); ok {
				b.WriteString(text)
			} else {
				b.WriteString(cluster[i : i+w])
			}
			i += w
		}
	}
	return b.String()
}
