package tokenize

import (
	"encoding/json"
	"fmt"
)

// readModel reads the model of a tokenizer.json.
func (t *Tokenizer) readModel(raw json.RawMessage) error {
	var j struct {
		Type   string
		Merges json.RawMessage
	}
	if err := json.Unmarshal(raw, &j); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	if j.Type == "" && given(j.Merges) {
		j.Type = "BPE" // files of old versions do not say
	}
	switch j.Type {
	case "BPE":
		return t.readBPE(raw)
	case "WordPiece":
		return t.readWordPiece(raw)
	case "Unigram":
		return t.readUnigram(raw)
	case "WordLevel":
		return t.readWordLevel(raw)
	}
	return fmt.Errorf("model %q is not known", j.Type)
}
