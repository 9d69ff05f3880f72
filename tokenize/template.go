package tokenize

import (
	"encoding/json"
	"fmt"
)

// A template puts tokens around a text, or around two.
type template struct {
	single []slot
	pair   []slot // nil: two texts follow one another
}

// A slot is a token, or the place of a text.
type slot struct {
	text int // 1, 2; 0: none
	id   int32
}

func fill(slots []slot, texts ...[]int32) []int32 {
	var out []int32
	for _, s := range slots {
		if s.text > 0 {
			out = append(out, texts[s.text-1]...)
		} else {
			out = append(out, s.id)
		}
	}
	return out
}

// WithTemplate returns ids with what the file's post-processor puts around a
// single text: [CLS] and [SEP], a beginning-of-text token. Without a template it
// returns ids.
func (t *Tokenizer) WithTemplate(ids []int32) []int32 {
	if t.post == nil {
		return ids
	}
	return fill(t.post.single, ids)
}

// WithPairTemplate returns the ids of two texts as the file's post-processor
// joins them: [CLS] a [SEP] b [SEP]. Without one they follow one another.
func (t *Tokenizer) WithPairTemplate(a, b []int32) []int32 {
	if t.post == nil || t.post.pair == nil {
		return append(append([]int32(nil), a...), b...)
	}
	return fill(t.post.pair, a, b)
}

// readTemplate reads a post_processor; nil means that it adds no tokens.
func readTemplate(raw json.RawMessage) (*template, error) {
	var j struct {
		Type          string
		Processors    []json.RawMessage
		Single, Pair  []map[string]struct{ ID string }
		SpecialTokens map[string]struct{ IDs []int32 } `json:"special_tokens"`
		Cls, Sep      jsonToken
	}
	if err := json.Unmarshal(raw, &j); err != nil {
		return nil, fmt.Errorf("post_processor: %w", err)
	}
	switch j.Type {
	case "ByteLevel":
		return nil, nil // it moves offsets only
	case "Sequence":
		var only *template
		for _, r := range j.Processors {
			t, err := readTemplate(r)
			if err != nil {
				return nil, err
			}
			if only != nil && t != nil {
				return nil, fmt.Errorf("post_processor Sequence: more than one of its parts adds tokens")
			} else if t != nil {
				only = t
			}
		}
		return only, nil
	case "TemplateProcessing":
		slots := func(what string, pieces []map[string]struct{ ID string }, texts int) (out []slot, err error) {
			seen := map[int]int{}
			for _, piece := range pieces {
				if s, ok := piece["SpecialToken"]; ok {
					token, ok := j.SpecialTokens[s.ID]
					if !ok {
						return nil, fmt.Errorf("post_processor: the special token %q has no ids", s.ID)
					}
					for _, id := range token.IDs {
						out = append(out, slot{id: id})
					}
				} else if s, ok := piece["Sequence"]; ok {
					text := map[string]int{"A": 1, "B": 2}[s.ID]
					if text == 0 {
						return nil, fmt.Errorf("post_processor: a template's text is %q, neither A nor B", s.ID)
					}
					seen[text]++
					out = append(out, slot{text: text})
				}
			}
			for text := 1; text <= 2; text++ {
				if want := min(max(texts-text+1, 0), 1); seen[text] != want {
					return nil, fmt.Errorf("post_processor: the template for a %s holds text %c %d times, not %d", what, '@'+text, seen[text], want)
				}
			}
			return out, nil
		}
		single, err := slots("single text", j.Single, 1)
		if err != nil {
			return nil, err
		}
		if len(j.Pair) == 0 {
			return &template{single: single}, nil
		}
		pair, err := slots("pair", j.Pair, 2)
		return &template{single, pair}, err
	case "BertProcessing":
		cls, sep := slot{id: j.Cls.id}, slot{id: j.Sep.id}
		return &template{[]slot{cls, {text: 1}, sep}, []slot{cls, {text: 1}, sep, {text: 2}, sep}}, nil
	case "RobertaProcessing":
		cls, sep := slot{id: j.Cls.id}, slot{id: j.Sep.id}
		return &template{[]slot{cls, {text: 1}, sep}, []slot{cls, {text: 1}, sep, sep, {text: 2}, sep}}, nil
	}
	return nil, fmt.Errorf("post_processor %q is not known", j.Type)
}

// A jsonToken is ["[CLS]", 101].
type jsonToken struct{ id int32 }

func (t *jsonToken) UnmarshalJSON(data []byte) error {
	var pair []json.RawMessage
	if json.Unmarshal(data, &pair) != nil || len(pair) != 2 || json.Unmarshal(pair[1], &t.id) != nil {
		return fmt.Errorf("%s is not [token, id]", data)
	}
	return nil
}
