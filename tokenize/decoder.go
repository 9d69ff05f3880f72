package tokenize

import (
	"encoding/json"
	"fmt"
)

// A decoder makes text of tokens as the file writes them.
type decoder interface{ decode([]string) string }

func readDecoder(raw json.RawMessage) (decoder, error) {
	var j struct{ Type string }
	if err := json.Unmarshal(raw, &j); err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	switch j.Type {
	case "ByteLevel":
		return nil, nil
	}
	return nil, fmt.Errorf("decoder %q is not known", j.Type)
}
