package tokenize

import (
	"encoding/json"
	"fmt"
)

// A template puts tokens around a text.
type template struct{ before, after []int32 }

func (t *template) single(ids []int32) []int32 {
	out := append([]int32(nil), t.before...)
	out = append(out, ids...)
	return append(out, t.after...)
}

func readTemplate(raw json.RawMessage) (*template, error) {
	var j struct {
		Type       string
		Processors []json.RawMessage
		Single     []map[string]struct {
			ID string `json:"id"`
		}
		SpecialTokens map[string]struct {
			IDs []int32 `json:"ids"`
		} `json:"special_tokens"`
		Cls, Sep []any
	}
	if err := json.Unmarshal(raw, &j); err != nil {
		return nil, fmt.Errorf("post_processor: %w", err)
	}
	switch j.Type {
	case "ByteLevel":
		return nil, nil // it moves offsets only
	case "Sequence":
		var all *template
		for _, r := range j.Processors {
			t, err := readTemplate(r)
			if err != nil {
				return nil, err
			}
			if all == nil {
				all = t
			} else if t != nil {
				all = &template{append(t.before, all.before...), append(all.after, t.after...)}
			}
		}
		return all, nil
	case "TemplateProcessing":
		t, at := new(template), 0
		for _, piece := range j.Single {
			if s, ok := piece["SpecialToken"]; ok {
				ids, ok := j.SpecialTokens[s.ID]
				if !ok {
					return nil, fmt.Errorf("post_processor: the special token %q has no ids", s.ID)
				}
				if at == 0 {
					t.before = append(t.before, ids.IDs...)
				} else {
					t.after = append(t.after, ids.IDs...)
				}
			} else if _, ok := piece["Sequence"]; ok {
				at++
			}
		}
		if at != 1 {
			return nil, fmt.Errorf("post_processor: the template for a single text holds it %d times", at)
		}
		return t, nil
	case "BertProcessing", "RobertaProcessing":
		id := func(v []any) ([]int32, error) {
			if len(v) == 2 {
				if f, ok := v[1].(float64); ok {
					return []int32{int32(f)}, nil
				}
			}
			return nil, fmt.Errorf("post_processor %s: cls and sep are not [token, id]", j.Type)
		}
		before, err := id(j.Cls)
		if err != nil {
			return nil, err
		}
		after, err := id(j.Sep)
		return &template{before, after}, err
	}
	return nil, fmt.Errorf("post_processor %q is not known", j.Type)
}
