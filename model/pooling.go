package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"fragua/model/tensor"
)

// A Pooling makes one vector of the states of a text, as the modules.json of sentence-transformers
// says (Reimers and Gurevych 2019).
type Pooling struct {
	Mode      string // mean, cls, max or lasttoken
	Normalize bool   // to length 1
	Longest   int    // ids of a text; 0: the model's context
}

// poolingModes are the fields of 1_Pooling/config.json, those that are supported with their mode.
var poolingModes = map[string]string{
	"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean", "pooling_mode_max_tokens": "max", "pooling_mode_lasttoken": "lasttoken",
	"pooling_mode_mean_sqrt_len_tokens": "", "pooling_mode_weightedmean_tokens": "",
}

// OpenPooling reads modules.json, 1_Pooling/config.json and sentence_bert_config.json of a folder;
// ok is false where there is no modules.json: the folder is no model of sentence-transformers.
func OpenPooling(dir string) (p Pooling, ok bool, err error) {
	var modules []struct{ Type, Path string }
	if err := readJSON(filepath.Join(dir, "modules.json"), &modules); errors.Is(err, fs.ErrNotExist) {
		return p, false, nil
	} else if err != nil {
		return p, false, err
	}
	for i, m := range modules {
		switch kind := m.Type[strings.LastIndexByte(m.Type, '.')+1:]; {
		case kind == "Transformer" && i == 0 && m.Path == "":
		case kind == "Pooling" && i == 1 && filepath.IsLocal(m.Path):
			if p.Mode, err = poolingMode(filepath.Join(dir, m.Path, "config.json")); err != nil {
				return p, false, err
			}
		case kind == "Normalize" && i == 2:
			p.Normalize = true
		default:
			return p, false, fmt.Errorf("%s: module %d is %s of %q, which is not supported: a Transformer, a Pooling and a Normalize are",
				filepath.Join(dir, "modules.json"), i, kind, m.Path)
		}
	}
	if p.Mode == "" {
		return p, false, fmt.Errorf("%s: there is no Pooling", filepath.Join(dir, "modules.json"))
	}
	var text struct {
		Longest *int `json:"max_seq_length"`
	}
	if err := readJSON(filepath.Join(dir, "sentence_bert_config.json"), &text); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return p, false, err
	}
	if text.Longest != nil {
		p.Longest = *text.Longest
	}
	return p, true, nil
}

func poolingMode(path string) (string, error) {
	var fields map[string]any
	if err := readJSON(path, &fields); err != nil {
		return "", err
	}
	if s, ok := fields["pooling_mode"].(string); ok { // sentence-transformers 5
		for _, mode := range poolingModes {
			if mode == s && s != "" {
				return s, nil
			}
		}
		return "", fmt.Errorf("%s: pooling_mode %q is not supported, only mean, cls, max and lasttoken", path, s)
	}
	mode := ""
	for name, v := range fields {
		on, is := v.(bool)
		if !is || !on || name == "include_prompt" {
			continue
		}
		m := poolingModes[name]
		if m == "" || mode != "" {
			return "", fmt.Errorf("%s: %s is not supported, only one of mean, cls, max and lasttoken", path, name)
		}
		mode = m
	}
	if mode == "" {
		return "", fmt.Errorf("%s: no mode is set", path)
	}
	return mode, nil
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Apply takes states (N, C) and the rows of each text to vectors (texts, C).
func (p Pooling) Apply(states *tensor.Tensor, texts []tensor.Span) *tensor.Tensor {
	var tp *tensor.Tape
	var y *tensor.Tensor
	switch p.Mode {
	case "max":
		y = tp.Max(states, texts)
	case "cls", "lasttoken":
		var rows []int32
		for _, s := range texts {
			at := s.From
			if p.Mode == "lasttoken" {
				at = s.To - 1
			}
			rows = append(rows, int32(at))
		}
		y = tp.Rows(states, rows)
	default:
		y = tp.Mean(states, texts)
	}
	if p.Normalize {
		c := y.Cols()
		for r := range y.Rows() {
			row := y.Data[r*c:][:c]
			if length := math.Sqrt(dot(row, row)); length > 0 {
				for i := range row {
					row[i] = float32(float64(row[i]) / length)
				}
			}
		}
	}
	return y
}

// Embed is the vector of a text of at most m.Context() ids.
func (p Pooling) Embed(m Model, ids []int32) []float32 {
	var tp *tensor.Tape
	states := m.Hidden(tp, &Batch{B: 1, T: len(ids), IDs: ids})
	return p.Apply(states, []tensor.Span{{From: 0, To: len(ids)}}).Data
}
