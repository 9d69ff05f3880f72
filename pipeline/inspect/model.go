package inspect

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"fragua/model/gguf"
	"fragua/model/safetensors"
)

func openSafetensors(path string, _ Options, a *Artifact) error {
	f, err := safetensors.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	showTensors(f.Names(), func(name string) (string, []int, int64) {
		info, _ := f.Info(name)
		return info.DType, info.Shape, info.Bytes
	}, a)
	for _, k := range slices.Sorted(maps.Keys(f.Metadata())) {
		a.fact(k, f.Metadata()[k])
	}
	return nil
}

// showTensors lists names, types and shapes, and how many numbers there are.
func showTensors(names []string, info func(name string) (kind string, shape []int, bytes int64), a *Artifact) {
	t := Table{Title: "tensors", Columns: []string{"name", "type", "shape", "parameters"}}
	total, size := int64(0), int64(0)
	types := map[string]bool{}
	for _, name := range names {
		kind, shape, bytes := info(name)
		n := int64(1)
		for _, d := range shape {
			n *= int64(d)
		}
		total, size = total+n, size+bytes
		types[kind] = true
		t.Rows = append(t.Rows, []any{name, kind, fmt.Sprint(shape), n})
	}
	a.fact("tensors", len(t.Rows))
	a.fact("parameters", total)
	a.fact("bytes of data", size)
	a.fact("types", fmt.Sprint(slices.Sorted(maps.Keys(types))))
	a.Tables = append(a.Tables, t)
}

// openModel shows the configuration, then the weights.
func openModel(path string, o Options, a *Artifact) error {
	config := map[string]any{}
	b, err := os.ReadFile(filepath.Join(path, "config.json"))
	if err == nil {
		if err := json.Unmarshal(b, &config); err != nil {
			return fmt.Errorf("config.json: %w", err)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(config)) {
		switch v := config[k].(type) {
		case string, float64, bool:
			a.fact(k, v)
		case nil:
		default:
			b, _ := json.Marshal(v)
			a.fact(k, string(b))
		}
	}
	set, err := safetensors.OpenFolder(path)
	if err != nil {
		return err
	}
	defer set.Close()
	showTensors(set.Names(), func(name string) (string, []int, int64) {
		info, _ := set.Info(name)
		return info.DType, info.Shape, info.Bytes
	}, a)
	return nil
}

// openGGUF shows the keys, but not long lists such as the vocabulary, then the weights.
func openGGUF(path string, _ Options, a *Artifact) error {
	f, err := gguf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, k := range slices.Sorted(maps.Keys(f.Meta)) {
		if list, ok := f.Meta[k].([]any); ok && len(list) > 8 {
			a.fact(k, fmt.Sprintf("%d values", len(list)))
		} else {
			a.fact(k, fmt.Sprint(f.Meta[k]))
		}
	}
	showTensors(f.Names(), func(name string) (string, []int, int64) {
		info, _ := f.Info(name)
		return info.Type.String(), info.Shape, info.Bytes
	}, a)
	return nil
}

func openTokenizer(path string, o Options, a *Artifact) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	type typed struct {
		Type string `json:"type"`
	}
	var t struct {
		Model struct {
			typed
			Vocab  json.RawMessage   `json:"vocab"`
			Merges []json.RawMessage `json:"merges"`
		} `json:"model"`
		Normalizer    *typed `json:"normalizer"`
		PreTokenizer  *typed `json:"pre_tokenizer"`
		PostProcessor *typed `json:"post_processor"`
		Decoder       *typed `json:"decoder"`
		Added         []struct {
			ID      int64  `json:"id"`
			Content string `json:"content"`
			Special bool   `json:"special"`
		} `json:"added_tokens"`
	}
	if err := json.Unmarshal(b, &t); err != nil {
		return fmt.Errorf("not a tokenizer: %w", err)
	}
	vocab := map[string]int64{}
	if err := json.Unmarshal(t.Model.Vocab, &vocab); err != nil { // Unigram: a list of pairs
		var list [][]any
		if err := json.Unmarshal(t.Model.Vocab, &list); err != nil {
			return fmt.Errorf("not a tokenizer: model.vocab: %w", err)
		}
		for i, p := range list {
			if len(p) > 0 {
				vocab[fmt.Sprint(p[0])] = int64(i)
			}
		}
	}
	a.fact("model", cmp.Or(t.Model.Type, "BPE"))
	a.fact("tokens of the model", len(vocab))
	a.fact("merges", len(t.Model.Merges))
	for _, part := range []struct {
		name string
		t    *typed
	}{{"normalizer", t.Normalizer}, {"pre-tokenizer", t.PreTokenizer}, {"post-processor", t.PostProcessor}, {"decoder", t.Decoder}} {
		if part.t != nil {
			a.fact(part.name, part.t.Type)
		}
	}
	added := Table{Title: "added tokens", Columns: []string{"id", "token", "special"}}
	for _, x := range t.Added {
		added.Rows = append(added.Rows, []any{x.ID, x.Content, x.Special})
	}
	if len(added.Rows) > 0 {
		a.Tables = append(a.Tables, added)
	}
	longest := slices.SortedFunc(maps.Keys(vocab), func(x, y string) int {
		return cmp.Or(cmp.Compare(len(y), len(x)), cmp.Compare(x, y))
	})
	s := Sample{Title: "longest tokens"}
	bytes := t.PreTokenizer != nil && t.PreTokenizer.Type == "ByteLevel" || t.Decoder != nil && t.Decoder.Type == "ByteLevel"
	for _, w := range longest[:min(len(longest), 4*o.Rows)] {
		id := fmt.Sprint(vocab[w])
		if bytes {
			w = strconv.Quote(byteLevel(w))
		}
		s.Fields = append(s.Fields, Fact{id, w})
	}
	a.Samples = append(a.Samples, s)
	return nil
}

// byteLevel undoes the writing of byte-level vocabularies, where each byte is a
// letter: printable Latin-1 stands for itself, and the other 68 bytes for the
// letters from U+0100 on, in their order (GPT-2's encoder.py).
func byteLevel(token string) string {
	var b []byte
	for _, r := range token {
		switch {
		case r < 0x100:
			b = append(b, byte(r))
		case r <= 0x120: // 0x00 to 0x20
			b = append(b, byte(r-0x100))
		case r <= 0x142: // 0x7f to 0xa0
			b = append(b, byte(r-0x121+0x7f))
		case r == 0x143:
			b = append(b, 0xad)
		default:
			return token
		}
	}
	return string(b)
}
