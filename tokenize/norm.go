package tokenize

import (
	"encoding/json"
	"fmt"
)

// A normalizer rewrites a text before it is cut.
type normalizer interface{ normalize(string) string }

func normalize(n normalizer, s string) string {
	if n == nil {
		return s
	}
	return n.normalize(s)
}

type normFunc func(string) string

func (f normFunc) normalize(s string) string { return f(s) }

// readNorm reads the normalizer of a tokenizer.json.
func (t *Tokenizer) readNorm(raw json.RawMessage) (normalizer, error) {
	var j struct{ Type string }
	if err := json.Unmarshal(raw, &j); err != nil {
		return nil, fmt.Errorf("normalizer: %w", err)
	}
	return nil, fmt.Errorf("normalizer %q is not known", j.Type)
}
