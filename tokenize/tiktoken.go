package tokenize

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fragua/pipeline"
)

// patternForRanks returns the pattern that belongs to a rank file, which does
// not hold it: by its name, or by its size where the name says nothing.
func patternForRanks(name string) string {
	switch {
	case strings.Contains(name, "r50k"), strings.Contains(name, "p50k"), strings.Contains(name, "gpt2"):
		return "gpt2"
	case strings.Contains(name, "cl100k"):
		return "cl100k"
	case strings.Contains(name, "o200k"):
		return "o200k"
	case strings.Contains(name, "llama"):
		return "llama3"
	case strings.Contains(name, "qwen"):
		return "qwen"
	}
	return ""
}

// specialRanks are the special tokens of the published rank files.
var specialRanks = map[int]map[string]int32{
	50256:  {EndOfText: 50256},
	50280:  {EndOfText: 50256},
	100256: {EndOfText: 100257, "<|fim_prefix|>": 100258, "<|fim_middle|>": 100259, "<|fim_suffix|>": 100260, "<|endofprompt|>": 100276},
	199998: {EndOfText: 199999, "<|endofprompt|>": 200018},
}

// ParseTiktoken reads a rank file: a line "base64 rank" for each token. The file
// holds neither pattern nor special tokens; an empty pattern means the one that
// belongs to the number of ranks, and published sizes get their special tokens,
// all others <|endoftext|> behind the last rank.
//
// tiktoken joins the pair whose whole has the lowest rank, whatever its parts,
// and takes a piece that is a token as it is. So every cut of a token into two
// tokens is a rule here.
func ParseTiktoken(data []byte, pattern string) (*Tokenizer, error) {
	return parseTiktoken(data, pattern)
}

func parseTiktoken(data []byte, pattern string) (*Tokenizer, error) {
	var tokens []string
	lineNo := 0
	for line := range bytes.Lines(data) {
		lineNo++
		fields := bytes.Fields(line)
		if len(fields) == 0 {
			continue
		}
		bad := func(why string) error {
			return pipeline.Hintf(fmt.Errorf("line %d: %s", lineNo, why), "each line of a rank file is a token in base64, a space, and its rank")
		}
		if len(fields) != 2 {
			return nil, bad(fmt.Sprintf("has %d fields, not 2", len(fields)))
		}
		token, err := base64.StdEncoding.DecodeString(string(fields[0]))
		if err != nil || len(token) == 0 {
			return nil, bad("the token is not base64")
		}
		rank, err := strconv.Atoi(string(fields[1]))
		if err != nil || rank < 0 || rank >= maxID {
			return nil, bad(fmt.Sprintf("the rank is %q", fields[1]))
		}
		for rank >= len(tokens) {
			tokens = append(tokens, "")
		}
		if tokens[rank] != "" {
			return nil, bad(fmt.Sprintf("rank %d occurs twice", rank))
		}
		tokens[rank] = string(token)
	}
	if len(tokens) == 0 {
		return nil, errors.New("no ranks in it")
	}
	if pattern == "" {
		switch n := len(tokens); {
		case n <= 50281:
			pattern = "gpt2"
		case n == 199998:
			pattern = "o200k"
		case n == 151643:
			pattern = "qwen"
		case n == 128000:
			pattern = "llama3"
		default:
			pattern = "cl100k"
		}
	}
	specials, ok := specialRanks[len(tokens)]
	if !ok {
		specials = map[string]int32{EndOfText: int32(len(tokens))}
	}
	var added []AddedToken
	for s, id := range specials {
		added = append(added, AddedToken{ID: id, Content: s, Special: true})
	}
	slices.SortFunc(added, func(a, b AddedToken) int { return int(a.ID - b.ID) })
	return fromRanks(tokens, pattern, added)
}

// fromRanks makes a tokenizer of tokens by rank.
func fromRanks(tokens []string, pattern string, added []AddedToken) (*Tokenizer, error) {
	id := make(map[string]int32, len(tokens))
	for rank, token := range tokens {
		if token != "" {
			if old, ok := id[token]; ok {
				return nil, fmt.Errorf("ranks %d and %d are the same token", old, rank)
			}
			id[token] = int32(rank)
		}
	}
	for b := range 256 {
		if _, ok := id[string([]byte{byte(b)})]; !ok {
			return nil, fmt.Errorf("there is no token for byte 0x%02X", b)
		}
	}
	m := jsonBPE{Type: "BPE", IgnoreMerges: true, Vocab: make(jsonVocab, len(tokens))}
	for rank, token := range tokens {
		if token == "" {
			continue
		}
		m.Vocab[writeBytes(token)] = int32(rank)
		var cuts [][2]int32
		for k := 1; k < len(token); k++ {
			left, ok1 := id[token[:k]]
			right, ok2 := id[token[k:]]
			if ok1 && ok2 {
				cuts = append(cuts, [2]int32{left, right})
			}
		}
		slices.SortFunc(cuts, func(a, b [2]int32) int { return slices.Compare(a[:], b[:]) })
		for _, c := range cuts {
			m.Merges = append(m.Merges, [2]string{writeBytes(tokens[c[0]]), writeBytes(tokens[c[1]])})
		}
	}
	t, err := newByteLevel(m, pattern, added)
	if err != nil {
		return nil, err
	}
	// All rules with one result are equals in tiktoken: the leftmost wins.
	b := t.model.(*bpe)
	b.pairs.tie()
	b.settle()
	return t, nil
}

// newByteLevel makes the tokenizer.json of byte-level BPE, and the tokenizer
// that it describes.
func newByteLevel(m jsonBPE, pattern string, added []AddedToken) (*Tokenizer, error) {
	p, _, err := PatternOf(pattern)
	if err != nil {
		return nil, err
	}
	t := new(Tokenizer)
	if t.json.Model, err = compact(m); err != nil {
		return nil, err
	}
	t.json.Version = "1.0"
	t.json.AddedTokens = added
	t.json.PreTokenizer, t.json.PostProcessor, t.json.Decoder = byteLevelParts(p)
	data, err := compact(t.json)
	if err != nil {
		return nil, err
	}
	return Parse(data)
}

// byteLevelParts returns the pre_tokenizer, post_processor and decoder of
// byte-level BPE with a pattern.
func byteLevelParts(p *Pattern) (pre, post, dec json.RawMessage) {
	const level = `{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":%t,"use_regex":%t}`
	full := json.RawMessage(fmt.Sprintf(level, true, true))
	if p.Name == "gpt2" {
		return full, full, full
	}
	regex, _ := compact(p.Regex)
	pre = json.RawMessage(fmt.Sprintf(`{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":%s},"behavior":"Isolated","invert":false},%s]}`,
		regex, fmt.Sprintf(level, true, false)))
	return pre, full, full
}

// SaveTiktoken writes a rank file: every token but the special ones with its id
// as its rank. What was loaded from such a file comes back as it was, and most
// texts have the same ids with any byte-level vocabulary; but tiktoken joins
// whatever makes a token of low rank, so that a piece in which two merges compete
// may come out otherwise, unless the vocabulary was learned for it.
func (t *Tokenizer) SaveTiktoken(path string) error {
	b, ok := t.model.(*bpe)
	if !ok || !b.bytes || b.lossy() {
		return pipeline.Hintf(errors.New("only byte-level BPE with a token for every byte can be written as ranks"), "save a tokenizer.json instead")
	}
	var out []byte
	for id, token := range t.tokens {
		if token == "" || t.special[id] {
			continue
		}
		text, _ := readBytes(token)
		out = base64.StdEncoding.AppendEncode(out, []byte(text))
		out = append(strconv.AppendInt(append(out, ' '), int64(id), 10), '\n')
	}
	return saveBytes(path, out)
}
