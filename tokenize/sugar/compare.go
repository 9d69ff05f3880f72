package sugar

import (
	"slices"

	"github.com/sugarme/tokenizer"
	"github.com/sugarme/tokenizer/pretrained"

	"fragua/tokenize"
)

// Load reads a tokenizer.json with sugarme's own parts.
func Load(file string) (t *tokenizer.Tokenizer, err error) {
	defer guard(&err)
	return pretrained.FromFile(file)
}

// A Difference is a text for which a sugarme tokenizer gives other ids than ours.
type Difference struct {
	Text   string
	Ours   []int32
	Theirs []int32
	Err    error // it failed or panicked instead
}

// Compare encodes texts with both, special tokens in the text included but without
// what the file puts around a text, and returns those for which the ids differ.
func Compare(ours *tokenize.Tokenizer, theirs *tokenizer.Tokenizer, texts []string) ([]Difference, error) {
	var out []Difference
	for _, text := range texts {
		want, err := ours.AppendIDsSpecial(nil, text)
		if err != nil {
			return nil, err
		}
		got, err := encode(theirs, text)
		if err != nil || !slices.Equal(got, want) {
			out = append(out, Difference{text, want, got, err})
		}
	}
	return out, nil
}

func encode(t *tokenizer.Tokenizer, text string) (ids []int32, err error) {
	defer guard(&err)
	e, err := t.EncodeSingle(text)
	if err != nil {
		return nil, err
	}
	for _, id := range e.Ids {
		ids = append(ids, int32(id))
	}
	return ids, nil
}
