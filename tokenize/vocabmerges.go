package tokenize

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// parseVocabMerges reads GPT-2's pair of files: a JSON object from token to id,
// and a text of one merge a line, below an optional "#version" line.
func parseVocabMerges(vocab, merges []byte) (*Tokenizer, error) {
	m := jsonBPE{Type: "BPE"}
	if err := json.Unmarshal(vocab, &m.Vocab); err != nil {
		return nil, fmt.Errorf("the vocabulary: %w", err)
	}
	sc := bufio.NewScanner(bytes.NewReader(merges))
	sc.Buffer(nil, 1<<24)
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSuffix(sc.Text(), "\r")
		if line == "" || n == 1 && strings.HasPrefix(line, "#version") {
			continue
		}
		a, b, ok := strings.Cut(line, " ")
		if !ok || a == "" || b == "" {
			return nil, fmt.Errorf("the merges, line %d: %q is not two tokens with a space between", n, line)
		}
		m.Merges = append(m.Merges, [2]string{a, b})
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("the merges: %w", err)
	}
	var added []AddedToken
	if id, ok := m.Vocab[EndOfText]; ok {
		added = append(added, AddedToken{ID: id, Content: EndOfText, Special: true})
	}
	return newByteLevel(m, "gpt2", added)
}
