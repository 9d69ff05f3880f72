package tokenize

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fragua/model/gguf"
	"fragua/pipeline/fault"
)

// loadGGUF reads the tokenizer that lies in a GGUF file: byte-level BPE ("gpt2") with a pattern
// that is known, or sentencepiece's BPE ("llama").
func loadGGUF(path string) (*Tokenizer, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := parseGGUF(f.Meta)
	if err != nil {
		return nil, &fault.RowError{File: path, Row: -1, Err: err}
	}
	return t, nil
}

// The types of tokens in tokenizer.ggml.token_type.
const (
	ggufUnknown = 2
	ggufControl = 3
	ggufUser    = 4
)

func parseGGUF(meta map[string]any) (*Tokenizer, error) {
	tokens, ok := listOf[string](meta["tokenizer.ggml.tokens"])
	if !ok || len(tokens) == 0 {
		return nil, errors.New("there is no tokenizer in it (tokenizer.ggml.tokens)")
	}
	types, _ := listOf[int64](meta["tokenizer.ggml.token_type"])
	parts := fileParts{Version: "1.0"}
	m := jsonBPE{Type: "BPE", Vocab: jsonVocab{}}
	for id, token := range tokens {
		if _, twice := m.Vocab[token]; twice {
			return nil, fmt.Errorf("token %q stands there twice", token)
		}
		kind := int64(1)
		if id < len(types) {
			kind = types[id]
		}
		m.Vocab[token] = int32(id)
		if kind == ggufControl || kind == ggufUser || kind == ggufUnknown {
			parts.AddedTokens = append(parts.AddedTokens, AddedToken{ID: int32(id), Content: token, Special: kind != ggufUser})
		}
	}
	kind, _ := meta["tokenizer.ggml.model"].(string)
	var err error
	switch kind {
	case "gpt2":
		err = ggufByteLevel(meta, &parts, &m)
	case "llama":
		err = ggufSentencepiece(meta, &parts, &m)
	default:
		err = fmt.Errorf("tokenizer.ggml.model %q is not supported, only gpt2 and llama", kind)
	}
	if err != nil {
		return nil, err
	}
	if on, _ := meta["tokenizer.ggml.add_bos_token"].(bool); on {
		id, ok := meta["tokenizer.ggml.bos_token_id"].(int64)
		if !ok || id < 0 || int(id) >= len(tokens) {
			return nil, errors.New("add_bos_token is set, and bos_token_id is no token")
		}
		bos := map[string]any{"SpecialToken": map[string]any{"id": tokens[id], "type_id": 0}}
		text := map[string]any{"Sequence": map[string]any{"id": "A", "type_id": 0}}
		more := map[string]any{"Sequence": map[string]any{"id": "B", "type_id": 1}}
		parts.PostProcessor, err = json.Marshal(map[string]any{"type": "TemplateProcessing", "single": []any{bos, text}, "pair": []any{bos, text, bos, more},
			"special_tokens": map[string]any{tokens[id]: map[string]any{"id": tokens[id], "ids": []int64{id}, "tokens": []string{tokens[id]}}}})
		if err != nil {
			return nil, err
		}
	}
	if parts.Model, err = json.Marshal(m); err != nil {
		return nil, err
	}
	data, err := json.Marshal(parts)
	if err != nil {
		return nil, err
	}
	return Parse(data)
}

func listOf[T any](v any) ([]T, bool) {
	list, ok := v.([]any)
	out := make([]T, 0, len(list))
	for _, x := range list {
		y, is := x.(T)
		if !is {
			return nil, false
		}
		out = append(out, y)
	}
	return out, ok
}

// The patterns by which llama.cpp cuts text, by the names in tokenizer.ggml.pre.
const (
	patternGPT2   = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	patternLlama3 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	patternQwen2  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	patternGPT4o  = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// GGUFPatterns are the pre-tokenizers that are known by llama.cpp and here.
var ggufPatterns = map[string]string{
	"gpt-2": patternGPT2, "gpt2": patternGPT2, "smollm": patternGPT2, "starcoder": patternGPT2,
	"llama-bpe": patternLlama3, "llama3": patternLlama3, "llama-v3": patternLlama3, "dbrx": patternLlama3, "smaug-bpe": patternLlama3,
	"qwen2": patternQwen2, "stablelm2": patternQwen2, "gpt-4o": patternGPT4o,
}

// ggufByteLevel is byte-level BPE with the pattern of a name.
func ggufByteLevel(meta map[string]any, parts *fileParts, m *jsonBPE) error {
	name, _ := meta["tokenizer.ggml.pre"].(string)
	pattern, ok := ggufPatterns[name]
	if !ok {
		return fmt.Errorf("tokenizer.ggml.pre %q is not supported, only %s", name, strings.Join(slices.Sorted(maps.Keys(ggufPatterns)), ", "))
	}
	if space, _ := meta["tokenizer.ggml.add_space_prefix"].(bool); space {
		return errors.New("tokenizer.ggml.add_space_prefix is not supported for BPE")
	}
	merges, ok := listOf[string](meta["tokenizer.ggml.merges"])
	if !ok {
		return errors.New("there are no merges (tokenizer.ggml.merges)")
	}
	for i, line := range merges {
		a, b, ok := strings.Cut(line, " ")
		if !ok {
			return fmt.Errorf("merge %d is %q, not two tokens with a space between", i, line)
		}
		m.Merges = append(m.Merges, [2]string{a, b})
	}
	m.IgnoreMerges = pattern == patternLlama3 && name != "dbrx"
	split := map[string]any{"type": "Split", "pattern": map[string]string{"Regex": pattern}, "behavior": "Isolated", "invert": false}
	bytes := map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}
	steps := []any{split, bytes}
	switch name {
	case "smollm", "starcoder":
		bytes["use_regex"] = true
		steps = []any{map[string]any{"type": "Digits", "individual_digits": true}, bytes}
	case "gpt-2", "gpt2":
		bytes["use_regex"] = true
		steps = []any{bytes}
	}
	var err error
	var pre any = map[string]any{"type": "Sequence", "pretokenizers": steps}
	if len(steps) == 1 {
		pre = steps[0]
	}
	if parts.PreTokenizer, err = json.Marshal(pre); err != nil {
		return err
	}
	parts.Decoder = json.RawMessage(`{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}`)
	return nil
}

// ggufSentencepiece is BPE of characters with bytes for those that are unknown, whose merges follow
// from the scores of their results, as sentencepiece merges.
func ggufSentencepiece(meta map[string]any, parts *fileParts, m *jsonBPE) error {
	scores, ok := listOf[float64](meta["tokenizer.ggml.scores"])
	if !ok || len(scores) != len(m.Vocab) {
		return fmt.Errorf("there are %d scores of %d tokens (tokenizer.ggml.scores)", len(scores), len(m.Vocab))
	}
	type merge struct {
		pair    [2]string
		score   float64
		l, r    int32
		product int32
	}
	var merges []merge
	for token, id := range m.Vocab {
		for i := range token {
			if i == 0 {
				continue
			}
			l, ok1 := m.Vocab[token[:i]]
			r, ok2 := m.Vocab[token[i:]]
			if ok1 && ok2 {
				merges = append(merges, merge{[2]string{token[:i], token[i:]}, scores[id], l, r, id})
			}
		}
	}
	slices.SortFunc(merges, func(a, b merge) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.product, b.product), cmp.Compare(a.l, b.l), cmp.Compare(a.r, b.r))
	})
	for _, x := range merges {
		m.Merges = append(m.Merges, x.pair)
	}
	m.ByteFallback, m.FuseUnk = true, true
	if id, ok := meta["tokenizer.ggml.unknown_token_id"].(int64); ok {
		for token, i := range m.Vocab {
			if int64(i) == id {
				m.UnkToken = &token
			}
		}
	}
	space := true
	if v, ok := meta["tokenizer.ggml.add_space_prefix"].(bool); ok {
		space = v
	}
	replace := `{"type": "Replace", "pattern": {"String": " "}, "content": "▁"}`
	steps := `{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}`
	if space {
		replace = `{"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, ` + replace + `]}`
		steps += `, {"type": "Strip", "content": " ", "start": 1, "stop": 0}`
	}
	parts.Normalizer = json.RawMessage(replace)
	parts.Decoder = json.RawMessage(`{"type": "Sequence", "decoders": [` + steps + `]}`)
	return nil
}
