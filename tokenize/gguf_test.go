package tokenize

import (
	"slices"
	"strings"
	"testing"
)

// anys makes a list as a GGUF file's keys hold it.
func anys[T any](list ...T) (out []any) {
	for _, v := range list {
		out = append(out, v)
	}
	return out
}

func TestGGUFByteLevel(t *testing.T) {
	meta := map[string]any{
		"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "smollm",
		"tokenizer.ggml.tokens":     anys("<|end|>", "Ġ", "a", "b", "1", "2", "ab", "Ġab", "12"),
		"tokenizer.ggml.token_type": anys[int64](3, 1, 1, 1, 1, 1, 1, 1, 1),
		"tokenizer.ggml.merges":     anys("a b", "Ġ ab", "1 2"),
	}
	for _, c := range []struct {
		pre  string
		want []int32
	}{{"smollm", []int32{6, 7, 4, 5}}, {"gpt-2", []int32{6, 7, 8}}, {"llama-bpe", []int32{6, 7, 8}}, {"qwen2", []int32{6, 7, 4, 5}}} {
		meta["tokenizer.ggml.pre"] = c.pre
		tok, err := parseGGUF(meta)
		if err != nil {
			t.Fatal(c.pre, err)
		}
		if got := tok.appendIDs(nil, "ab ab12"); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.pre, got, c.want)
		}
		if got := tok.Decode(c.want); got != "ab ab12" || !tok.Special(0) {
			t.Errorf("%s: decoded %q", c.pre, got)
		}
	}
	meta["tokenizer.ggml.pre"] = "nosuch"
	if _, err := parseGGUF(meta); err == nil || !strings.Contains(err.Error(), `tokenizer.ggml.pre "nosuch" is not supported`) {
		t.Error(err)
	}
}

func TestGGUFSentencepiece(t *testing.T) {
	tok, err := parseGGUF(map[string]any{
		"tokenizer.ggml.model":            "llama",
		"tokenizer.ggml.tokens":           anys("<unk>", "<s>", "</s>", "<0xC3>", "<0xA9>", "▁", "a", "b", "▁a", "ab", "▁ab"),
		"tokenizer.ggml.token_type":       anys[int64](2, 3, 3, 6, 6, 1, 1, 1, 1, 1, 1),
		"tokenizer.ggml.scores":           anys(0.0, 0, 0, 0, 0, -9, -9, -9, -1, -2, -3),
		"tokenizer.ggml.unknown_token_id": int64(0),
		"tokenizer.ggml.bos_token_id":     int64(1),
		"tokenizer.ggml.add_bos_token":    true,
	})
	if err != nil {
		t.Fatal(err)
	}
	// ▁a has the better score, so it is merged first; then nothing makes ▁ab but ▁a + b.
	if got := tok.WithTemplate(tok.appendIDs(nil, "ab aé")); !slices.Equal(got, []int32{1, 10, 8, 3, 4}) {
		t.Errorf("ids are %v", got)
	}
	if got := tok.Decode([]int32{10, 8, 3, 4}); got != "ab aé" {
		t.Errorf("decoded %q", got)
	}
}
