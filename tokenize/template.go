package tokenize

import (
	"encoding/json"
	"fmt"
)

// A template puts tokens around a text: [CLS] text [SEP].
type template []slot

// A slot is a token, or the place of the text.
type slot struct {
	text bool
	id   int32
}

// WithTemplate returns ids with what the file's post-processor puts around a
// single text: [CLS] and [SEP], a beginning-of-text token. Without a template it
// returns ids.
func (t *Tokenizer) WithTemplate(ids []int32) []int32 {
	if t.post == nil {
		return ids
	}
	var out []int32
	for _, s := range t.post {
		if s.text {
			out = append(out, ids...)
		} else {
			out = append(out, s.id)
		}
	}
	return out
}

// readTemplate reads a post_processor's template for one text; nil means that it
// adds no tokens. The one for two texts stays in the file.
func readTemplate(raw json.RawMessage) (template, error) {
	var j struct {
		Type          string
		Processors    []json.RawMessage
		Single        []map[string]struct{ ID string }
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
		var only template
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
		var out template
		texts := 0
		for _, piece := range j.Single {
			if s, ok := piece["SpecialToken"]; ok {
				token, ok := j.SpecialTokens[s.ID]
				if !ok {
					return nil, fmt.Errorf("post_processor: the special token %q has no ids", s.ID)
				}
				for _, id := range token.IDs {
					out = append(out, slot{id: id})
				}
			} else if s, ok := piece["Sequence"]; ok {
				if s.ID != "A" {
					return nil, fmt.Errorf("post_processor: the template for a single text holds text %q, not A", s.ID)
				}
				texts++
				out = append(out, slot{text: true})
			}
		}
		if texts != 1 {
			return nil, fmt.Errorf("post_processor: the template for a single text holds it %d times, not once", texts)
		}
		return out, nil
	case "BertProcessing", "RobertaProcessing":
		return template{{id: j.Cls.id}, {text: true}, {id: j.Sep.id}}, nil
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
