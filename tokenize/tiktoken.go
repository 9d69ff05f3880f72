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

	"fragua/pipeline/fault"
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

// parseTiktoken reads a rank file: a line "base64 rank" for each token. The file
// holds neither pattern nor special tokens; an empty pattern means the one that
// belongs to the number of ranks, and published sizes get their special tokens,
// all others <|endoftext|> behind the last rank.
//
// tiktoken joins the pair whose whole has the lowest rank, whatever its parts,
// and takes a piece that is a token as it is. So every cut of a token into two
// tokens is a rule here.
func parseTiktoken(data []byte, pattern string) (*Tokenizer, error) {
	var tokens []string
	var token []byte
	lineNo := 0
	for line := range bytes.Lines(data) {
		lineNo++
		fields := bytes.Fields(line)
		if len(fields) == 0 {
			continue
		}
		bad := func(why string) error {
			return fault.Hintf(fmt.Errorf("line %d: %s", lineNo, why), "each line of a rank file is a token in base64, a space, and its rank")
		}
		if len(fields) != 2 {
			return nil, bad(fmt.Sprintf("has %d fields, not 2", len(fields)))
		}
		var err error
		if token, err = base64.StdEncoding.AppendDecode(token[:0], fields[0]); err != nil || len(token) == 0 {
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

// fromRanks makes a tokenizer of tokens by rank; "" is a rank that is not there.
func fromRanks(tokens []string, pattern string, added []AddedToken) (*Tokenizer, error) {
	v := newVocabulary(len(tokens))
	for rank, token := range tokens {
		if token == "" {
			continue
		}
		if old := v.id(asBytes(token)); old >= 0 {
			return nil, fmt.Errorf("ranks %d and %d are the same token", old, rank)
		}
		v.set(token, int32(rank))
	}
	e := byteBPE{whole: v}
	for c := range e.ofByte {
		if e.ofByte[c] = v.id([]byte{byte(c)}); e.ofByte[c] < 0 {
			return nil, fmt.Errorf("there is no token for byte 0x%02X", c)
		}
	}
	e.pairs = rankPairs(tokens, &e)
	e.rankBytes()
	t := &Tokenizer{source: func() jsonBPE { return rankModel(tokens, v) }}
	err := t.byteLevelBPE(pattern, added, func() error {
		t.tokens, t.special = make([]string, len(tokens)), make([]bool, len(tokens))
		t.ids = make(map[string]int32, len(tokens))
		for rank, token := range tokens {
			if token != "" {
				t.tokens[rank] = writeBytes(token)
				t.ids[t.tokens[rank]] = int32(rank)
			}
		}
		_, e.pattern = t.byteLevel()
		b := &bpe{byteBPE: e, bytes: true, unk: -1}
		t.model = b
		if e.pattern != nil {
			t.fast = &b.byteBPE
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// cutsOf yields the cuts of a token into two tokens.
func cutsOf(token string, v *vocabulary, yield func(left, right int32)) {
	for k := 1; k < len(token); k++ {
		if left := v.id(asBytes(token[:k])); left >= 0 {
			if right := v.id(asBytes(token[k:])); right >= 0 {
				yield(left, right)
			}
		}
	}
}

// rankPairs returns the rules of a rank file that can apply; prune drops those that
// cannot, but here they are not made in the first place. If the rules of lower ranks
// merge the bytes of a token into two parts, its rule is that of these two. If they
// do not, the token keeps a rule for each of its cuts.
func rankPairs(tokens []string, e *byteBPE) pairTable {
	t := newPairTable(len(tokens))
	t.ids = make([]int32, len(tokens))
	var m merger
	var ids []int32
	for rank, token := range tokens {
		id := int32(rank)
		t.ids[rank] = id
		ids = ids[:0]
		for i := range len(token) {
			ids = append(ids, e.ofByte[token[i]])
		}
		if len(ids) < 2 {
			continue
		}
		if ids = t.merge(ids, 2, &m); len(ids) == 2 {
			t.put(rule{ids[0], ids[1], uint32(rank), id})
			continue
		}
		cutsOf(token, e.whole, func(left, right int32) {
			t.put(rule{left, right, uint32(rank), id})
		})
	}
	return t
}

// rankModel returns the model for tokenizer.json: a merge for each cut, in the
// order of the ranks of the whole.
func rankModel(tokens []string, v *vocabulary) jsonBPE {
	m := jsonBPE{Type: "BPE", IgnoreMerges: true, Vocab: make(jsonVocab, len(tokens))}
	for rank, token := range tokens {
		if token == "" {
			continue
		}
		m.Vocab[writeBytes(token)] = int32(rank)
		var cuts [][2]int32
		cutsOf(token, v, func(left, right int32) { cuts = append(cuts, [2]int32{left, right}) })
		slices.SortFunc(cuts, func(a, b [2]int32) int { return slices.Compare(a[:], b[:]) })
		for _, c := range cuts {
			m.Merges = append(m.Merges, [2]string{writeBytes(tokens[c[0]]), writeBytes(tokens[c[1]])})
		}
	}
	return m
}

// newByteLevel makes the tokenizer of byte-level BPE that m describes.
func newByteLevel(m jsonBPE, pattern string, added []AddedToken) (*Tokenizer, error) {
	t := &Tokenizer{source: func() jsonBPE { return m }}
	if err := t.byteLevelBPE(pattern, added, func() error { return t.setBPE(m) }); err != nil {
		return nil, err
	}
	return t, nil
}

// byteLevelBPE assembles what tokenizer.json holds of byte-level BPE.
func (t *Tokenizer) byteLevelBPE(pattern string, added []AddedToken, setModel func() error) error {
	p, _, err := PatternOf(pattern)
	if err != nil {
		return err
	}
	t.json.Version = "1.0"
	t.json.AddedTokens = added
	t.json.PreTokenizer, t.json.PostProcessor, t.json.Decoder = byteLevelParts(p)
	return t.assemble(setModel)
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

// ranks returns a rank file: every token but the special ones, with its id as its
// rank. A file that was loaded comes back unchanged. tiktoken merges whatever makes
// a token of low rank, so a piece in which two merges compete may get other ids,
// unless the vocabulary was learned with ties: bytes.
func (t *Tokenizer) ranks() ([]byte, error) {
	b, ok := t.model.(*bpe)
	if !ok || !b.bytes || b.lossy() {
		return nil, fault.Hintf(errors.New("only byte-level BPE with a token for every byte can be written as ranks"), "save a tokenizer.json instead")
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
	return out, nil
}
