package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

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
	Params []nn.Param     // further arrays, such as a classification head
	Config map[string]any // further keys of config.json
}

// A saver is a model that knows its config.json.
type saver interface {
	LanguageModel
	config() any
}

// ClassifierClass is the class of transformers that reads the model with a linear head on the
// state of a text's last id, or "" where transformers has none.
func ClassifierClass(m LanguageModel) string {
	if c, ok := m.(interface{ classifierClass() string }); ok {
		return c.classifierClass()
	}
	return ""
}

// Save writes config.json, generation_config.json and model.safetensors, as
// transformers' save_pretrained does: each to a temporary name, synced and
// renamed, the weights last. The same model gives the same bytes.
func Save(dir string, m LanguageModel, x Extra) error {
	s, ok := m.(saver)
	if !ok {
		return fmt.Errorf("a model of type %T cannot be saved", m)
	}
	config, err := configKeys(s.config())
	if err != nil {
		return err
	}
	maps.Copy(config, x.Config)
	if x.End >= 0 {
		config["bos_token_id"], config["eos_token_id"] = x.End, x.End
		generation := map[string]any{"bos_token_id": x.End, "eos_token_id": x.End}
		if err := writeJSON(filepath.Join(dir, GenerationFile), generation); err != nil {
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
	return SaveParams(filepath.Join(dir, WeightsFile), append(m.Params(), x.Params...))
}

// extraKey of config.json lists the arrays that are not the language model's.
const extraKey = "extra_arrays"

// configKeys turns a config struct into a map, numbers as they are written.
func configKeys(config any) (map[string]any, error) {
	b, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	return m, d.Decode(&m)
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return replace(path, func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}

// SaveParams writes parameters to a safetensors file, under their names and in
// the layout of Hugging Face.
func SaveParams(path string, params []nn.Param) error {
	var arrays []safetensors.Array
	for _, p := range params {
		if p.Quantized != nil {
			return fmt.Errorf("%s: %s was quantized, and is written as float32 only", path, p.Name)
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

// Open reads a model directory: ours, or one that transformers saved with a
// GPT-2 or a Llama in F32, F16 or BF16. Weights that are missing, misshapen or
// unknown are errors.
func Open(dir string) (LanguageModel, error) {
	path := filepath.Join(dir, ConfigFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var c struct {
		ModelType string   `json:"model_type"`
		Extra     []string `json:"extra_arrays"`
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	i := slices.IndexFunc(archs, func(a archEntry) bool { return a.modelType == c.ModelType })
	if i < 0 {
		var known []string
		for _, a := range archs {
			known = append(known, a.modelType)
		}
		return nil, fmt.Errorf("%s: model_type is %q, want one of %s", path, c.ModelType, strings.Join(known, ", "))
	}
	a, err := archs[i].open(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	w, err := openWeights(filepath.Join(dir, WeightsFile))
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if want, have := a.Size(a.vocab, a.context, 1).Params, w.numbers(); want > have { // before memory is asked for
		return nil, fmt.Errorf("%s asks for %d parameters, %s has %d", path, want, w.path, have)
	}
	m := a.build()
	if err := w.fill(m.Params()); err != nil {
		return nil, err
	}
	return m, w.rest(m, c.Extra)
}

// OpenParams fills parameters from a safetensors file by their names; what
// else the file holds is left alone.
func OpenParams(path string, params []nn.Param) error {
	w, err := openWeights(path)
	if err != nil {
		return err
	}
	defer w.Close()
	return w.fill(params)
}

// weights is an open file and which of its arrays were read.
type weights struct {
	*safetensors.File
	path  string
	names map[string]bool // true: read
}

func openWeights(path string) (*weights, error) {
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	w := &weights{f, path, map[string]bool{}}
	for _, n := range f.Names() {
		w.names[n] = false
	}
	return w, nil
}

// numbers is how many elements the arrays hold.
func (w *weights) numbers() (n int64) {
	for name := range w.names {
		info, _ := w.Info(name)
		m := int64(1)
		for _, d := range info.Shape {
			m *= int64(d)
		}
		n += m
	}
	return n
}

// find returns an array's name in the file: GPT-2's first checkpoints leave
// out the prefix "transformer.".
func (w *weights) find(name string) string {
	if short, ok := strings.CutPrefix(name, "transformer."); ok {
		if _, there := w.names[name]; !there {
			return short
		}
	}
	return name
}

func (w *weights) fill(params []nn.Param) error {
	for _, p := range params {
		name := w.find(p.Name)
		if _, ok := w.names[name]; !ok {
			return fmt.Errorf("%s: there is no array %q", w.path, p.Name)
		}
		want := p.Shape
		if p.Transposed {
			want = []int{p.Cols(), p.Rows()}
		}
		if info, _ := w.Info(name); !slices.Equal(info.Shape, want) {
			return fmt.Errorf("%s: array %q has shape %v, want %v", w.path, name, info.Shape, want)
		}
		data, _, err := w.Float32(name)
		if err != nil {
			return err
		}
		if p.Transposed {
			data = transpose(data, want[0], want[1])
		}
		p.Data = data
		w.names[name] = true
	}
	return nil
}

// rest accounts for the arrays that are not parameters: those that config.json
// names, a head equal to the embedding that it is tied to, and the constants
// that old versions of transformers saved.
func (w *weights) rest(m LanguageModel, extra []string) error {
	for name, read := range w.names {
		switch {
		case read, slices.Contains(extra, name):
		case strings.HasSuffix(name, ".attn.bias"), strings.HasSuffix(name, ".attn.masked_bias"), strings.HasSuffix(name, ".rotary_emb.inv_freq"):
		case strings.HasSuffix(name, "coder.embed_positions.weight"): // sinusoids
		case name == "final_logits_bias":
			if bias, _, err := w.Float32(name); err != nil || slices.ContainsFunc(bias, func(v float32) bool { return v != 0 }) {
				return fmt.Errorf("%s: final_logits_bias is not 0 (%v)", w.path, err)
			}
		case name == "lm_head.weight":
			head, _, err := w.Float32(name)
			if err != nil {
				return err
			}
			if !slices.Equal(head, m.Head().Data) {
				return fmt.Errorf("%s: lm_head.weight is not the embedding that the configuration ties it to", w.path)
			}
		default:
			return fmt.Errorf("%s: array %q belongs to no part of the model", w.path, name)
		}
	}
	return nil
}
