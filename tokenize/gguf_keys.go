package tokenize

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"fragua/pipeline/fault"
)

// GGUFKeys are the keys of a GGUF file that hold the tokenizer, for a model of this many ids; note
// says where llama.cpp will cut otherwise than here, "" if nowhere.
func (t *Tokenizer) GGUFKeys(vocab int) (keys map[string]any, note string, err error) {
	m, ok := t.bpeParts()
	if !ok {
		return nil, "", fault.Hintf(errors.New("llama.cpp gets tokenizers of BPE only, and this is none"), "export to a Hugging Face folder")
	}
	keys = map[string]any{"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.add_bos_token": len(t.WithTemplate(nil)) > 0}
	tokens, types := make([]string, vocab), make([]int32, vocab)
	for id := range tokens {
		token, ok := t.Token(int32(id))
		switch {
		case !ok:
			tokens[id], types[id] = fmt.Sprintf("[PAD%d]", id), 5 // unused
		case t.Special(int32(id)):
			tokens[id], types[id] = token, ggufControl
		default:
			tokens[id], types[id] = token, 1
			for _, a := range t.added {
				if a.Content == token {
					types[id] = ggufUser
				}
			}
		}
	}
	if m.ByteFallback {
		keys["tokenizer.ggml.model"] = "llama"
		scores := make([]float32, vocab)
		for rank, p := range m.Merges {
			if id := m.Vocab[p[0]+p[1]]; scores[id] == 0 {
				scores[id] = -float32(rank + 1)
			}
		}
		for id, token := range tokens {
			if _, is := fallbackByte(token); is {
				types[id] = 6
			}
		}
		if m.UnkToken != nil {
			types[m.Vocab[*m.UnkToken]] = ggufUnknown
		}
		keys["tokenizer.ggml.scores"] = scores
		keys["tokenizer.ggml.add_space_prefix"] = strings.Contains(string(t.json.Normalizer), "Prepend")
	} else {
		var pre string
		if pre, note, err = t.ggufPattern(m); err != nil {
			return nil, "", err
		}
		merges := make([]string, len(m.Merges))
		for i, p := range m.Merges {
			merges[i] = p[0] + " " + p[1]
		}
		keys["tokenizer.ggml.pre"], keys["tokenizer.ggml.merges"] = pre, merges
	}
	keys["tokenizer.ggml.tokens"], keys["tokenizer.ggml.token_type"] = tokens, types
	for role, key := range map[string]string{"eos_token": "eos", "bos_token": "bos", "pad_token": "padding", "unk_token": "unknown"} {
		if token, ok := t.roles()[role]; ok {
			keys["tokenizer.ggml."+key+"_token_id"] = uint32(t.ids[token])
		}
	}
	return keys, note, nil
}

// ggufPattern is llama.cpp's name of the pattern.
func (t *Tokenizer) ggufPattern(m jsonBPE) (name, note string, err error) {
	if p := t.Pattern(); p != nil {
		switch p.Name {
		case "gpt2":
			return "gpt-2", "", nil
		case "cl100k":
			return "dbrx", "llama.cpp has no cl100k: whitespace at the very end of a text is cut otherwise there", nil
		case "llama3":
			if m.IgnoreMerges {
				return "llama-bpe", "", nil
			}
			return "dbrx", "", nil
		case "qwen":
			return "qwen2", "", nil
		case "o200k":
			return "gpt-4o", "", nil
		}
	}
	var pre struct {
		Steps []struct {
			Type   string
			Each   bool  `json:"individual_digits"`
			Prefix bool  `json:"add_prefix_space"`
			Regex  *bool `json:"use_regex"`
		} `json:"pretokenizers"`
	}
	if json.Unmarshal(t.json.PreTokenizer, &pre) == nil && len(pre.Steps) == 2 && !given(t.json.Normalizer) {
		d, b := pre.Steps[0], pre.Steps[1]
		if d.Type == "Digits" && d.Each && b.Type == "ByteLevel" && !b.Prefix && (b.Regex == nil || *b.Regex) {
			return "smollm", "", nil
		}
	}
	return "", "", fault.Hintf(errors.New("llama.cpp does not know the way in which this tokenizer cuts text"), "it knows the patterns %s", strings.Join(PatternNames(), ", "))
}
