package tokenize

import "fmt"

// mergesOf returns the merges of a byte-level tokenizer, as bytes.
func mergesOf(path string) ([][2]string, error) {
	t, err := Load(path)
	if err != nil {
		return nil, err
	}
	m, ok := t.bpeParts()
	if !ok || t.fast == nil {
		return nil, fmt.Errorf("%s: only byte-level BPE can be extended", path)
	}
	out := make([][2]string, len(m.Merges))
	for i, p := range m.Merges {
		out[i][0], _ = readBytes(p[0])
		out[i][1], _ = readBytes(p[1])
	}
	return out, nil
}
