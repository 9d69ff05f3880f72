package model

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"

	"fragua/model/nn"
	"fragua/model/safetensors"
)

// The files of a model directory that this package knows.
const (
	ConfigFile     = "config.json"
	WeightsFile    = "model.safetensors"
	GenerationFile = "generation_config.json"
)

// An Extra is what a model directory holds besides the language model.
type Extra struct {
	End    int32          // the id that ends a text, for Hugging Face's generate; negative: none
	Start  int32          // the id that a decoder beside an encoder begins with, for the same
	Params []nn.Param     // further arrays, such as a classification head
	Config map[string]any // further keys of config.json
}

// A saver is a model that knows its config.json.
type saver interface {
	Model
	config() any
	origin() *checkpoint
}

// A checkpoint is what a model that was opened keeps of its folder, so that it is saved under the
// same names with the same configuration. Every model embeds one; the zero value is a new model.
type checkpoint struct {
	fields     map[string]json.RawMessage // of config.json; nil: the model is new
	generation []byte                     // generation_config.json, if there is one
	names      map[string]string          // of arrays whose names in the file are not those of Params
	constants  []nn.Param                 // arrays that are no parameters, such as sinusoids
	heads      []nn.Param                 // arrays of a task's head, which the model does not use
}

func (c *checkpoint) origin() *checkpoint { return c }

// configKeys is config.json for saving: that of the folder, or else of a new model.
func (c *checkpoint) configKeys(fresh any) (map[string]any, error) {
	if c.fields == nil {
		return jsonKeys(fresh)
	}
	m, err := jsonKeys(c.fields)
	if err != nil {
		return nil, err
	}
	for _, key := range []string{"dtype", "torch_dtype"} {
		if m[key] != nil {
			m[key] = "float32"
		}
	}
	delete(m, extraKey)
	delete(m, "fragua")
	return m, nil
}

// ClassifierClass is the class of transformers that reads the model with a linear head on the
// state of a text's last id, or "" where transformers has none.
func ClassifierClass(m Model) string {
	if c, ok := m.(interface{ classifierClass() string }); ok {
		return c.classifierClass()
	}
	return ""
}

// Save writes config.json, generation_config.json and model.safetensors, as
// transformers' save_pretrained does: each to a temporary name, synced and
// renamed, the weights last. The same model gives the same bytes.
func Save(dir string, m Model, x Extra) error {
	s, ok := m.(saver)
	if !ok {
		return fmt.Errorf("a model of type %T cannot be saved", m)
	}
	from := s.origin()
	config, err := from.configKeys(s.config())
	if err != nil {
		return err
	}
	maps.Copy(config, x.Config)
	delete(config, quantizationKey)
	if Quantized(m) {
		config[quantizationKey] = int8Weights
	}
	if generation, err := from.generationConfig(m, config, x); err != nil {
		return err
	} else if generation != nil {
		if err := writeBytes(filepath.Join(dir, GenerationFile), generation); err != nil {
			return err
		}
	}
	if len(x.Params) > 0 {
		var names []string
		for _, p := range x.Params {
			names = append(names, p.Name)
		}
		config[extraKey] = names
	}
	if err := writeJSON(filepath.Join(dir, ConfigFile), config); err != nil {
		return err
	}
	params := m.Params()
	for i, p := range params {
		if name, ok := from.names[p.Name]; ok {
			params[i].Name = name
		}
	}
	params = append(params, from.constants...)
	if len(x.Params) == 0 {
		params = append(params, from.heads...)
	}
	return SaveParams(filepath.Join(dir, WeightsFile), append(params, x.Params...))
}

// generationConfig is generation_config.json, and the ids that begin and end a text put into
// config unless it has them; nil: no file.
func (c *checkpoint) generationConfig(m Model, config map[string]any, x Extra) ([]byte, error) {
	if c.fields != nil && (c.generation != nil || config["eos_token_id"] != nil) || x.End < 0 {
		return c.generation, nil
	}
	ids := map[string]any{"bos_token_id": x.End, "eos_token_id": x.End}
	if _, reads := m.(Seq2Seq); reads {
		ids["decoder_start_token_id"], ids["forced_eos_token_id"] = x.Start, x.End
		ids["pad_token_id"] = cmp.Or(config["pad_token_id"], any(x.End))
	}
	maps.Copy(config, ids)
	return marshalIndent(ids)
}

// Ends are the ids that end a text, as the folder that a model was read from says: eos_token_id of
// generation_config.json, or else of config.json.
func Ends(m Model) []int32 {
	s, ok := m.(saver)
	if !ok {
		return nil
	}
	var c struct {
		End json.RawMessage `json:"eos_token_id"`
	}
	from := s.origin()
	if json.Unmarshal(from.generation, &c) != nil || c.End == nil {
		c.End = from.fields["eos_token_id"]
	}
	var one int32
	var list []int32
	if json.Unmarshal(c.End, &list) != nil && json.Unmarshal(c.End, &one) == nil {
		list = []int32{one}
	}
	return list
}

// extraKey of config.json lists the arrays that are not the language model's.
const extraKey = "extra_arrays"

// jsonKeys turns a configuration into a map, numbers as they are written.
func jsonKeys(config any) (map[string]any, error) {
	b, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	return m, d.Decode(&m)
}

func marshalIndent(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return append(b, '\n'), err
}

func writeJSON(path string, v any) error {
	b, err := marshalIndent(v)
	if err != nil {
		return err
	}
	return writeBytes(path, b)
}

func writeBytes(path string, b []byte) error {
	return replace(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// scaleSuffix ends the name of the scales of an array in int8, one for each row, as the checkpoints
// of compressed-tensors have them.
const scaleSuffix = "_scale"

// SaveParams writes parameters to a safetensors file, under their names and in
// the layout of Hugging Face; those in int8 as whole multiples, I8, and their scales.
func SaveParams(path string, params []nn.Param) error {
	var arrays []safetensors.Array
	for _, p := range params {
		if p.Quantized != nil {
			whole, scales := p.Quantized.Int8()
			if whole == nil || p.Transposed {
				return fmt.Errorf("%s: %s was quantized, and is written as float32 only", path, p.Name)
			}
			arrays = append(arrays, safetensors.Int8(p.Name, p.Shape, whole), safetensors.Float32(p.Name+scaleSuffix, []int{len(scales), 1}, scales))
			continue
		}
		data, shape := p.Data, p.Shape
		if p.Transposed {
			data, shape = transpose(p.Data, p.Rows(), p.Cols()), []int{p.Cols(), p.Rows()}
		}
		arrays = append(arrays, safetensors.Float32(p.Name, shape, data))
	}
	return replace(path, func(w io.Writer) error {
		return safetensors.Write(w, arrays, map[string]string{"format": "pt"}) // transformers refuses a file that does not say so
	})
}

// transpose returns the transpose of a rows × cols matrix.
func transpose(x []float32, rows, cols int) []float32 {
	t := make([]float32, len(x))
	for r := range rows {
		for c, v := range x[r*cols:][:cols] {
			t[c*rows+r] = v
		}
	}
	return t
}

// replace writes a file under a temporary name, syncs and renames it.
func replace(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if err := errors.Join(write(f), f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	d.Sync() // some file systems cannot sync a directory; the file itself is safe
	return nil
}
