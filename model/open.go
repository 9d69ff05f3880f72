package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fragua/model/kernel/gemm"
	"fragua/model/nn"
	"fragua/model/safetensors"
	"fragua/model/tensor"
	"fragua/pipeline/fault"
)

// Open reads a model folder: ours, or one of transformers in any family of the table archs, with
// one or several safetensors files of F32, F16 or BF16; or a GGUF file of llama.cpp. Weights that are missing, misshapen or
// unknown are errors, and so is each field of config.json that would be ignored.
func Open(dir string) (Model, error) {
	if file, err := GGUFFile(dir); err != nil {
		return nil, err
	} else if file != "" {
		return openGGUF(file)
	}
	path := filepath.Join(dir, ConfigFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m, err := openWith(b, path, func() (*weights, error) { return openWeights(dir) })
	if err != nil {
		return nil, err
	}
	if m.(saver).origin().generation, err = os.ReadFile(filepath.Join(dir, GenerationFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return m, nil
}

// openWith makes the model that the bytes of a config.json describe; path is where they lie.
func openWith(b []byte, path string, open func() (*weights, error)) (Model, error) {
	c, err := parseConfig(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	a, err := openConfig(c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	w, err := open()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	m, err := a.fill(w, c, path)
	if err != nil {
		return nil, err
	}
	from := m.(saver).origin()
	from.fields = map[string]json.RawMessage{}
	return m, json.Unmarshal(b, &from.fields)
}

// OpenLanguageModel is Open for a model that continues a text.
func OpenLanguageModel(dir string) (LanguageModel, error) {
	m, err := Open(dir)
	if err != nil {
		return nil, err
	}
	if _, reads := m.(Seq2Seq); reads {
		return nil, fault.Hintf(fmt.Errorf("%s: the model reads one text and writes another; it does not continue a text", dir),
			"a model that does is a GPT-2, a Llama or one of its kin")
	}
	lm, ok := m.(LanguageModel)
	if !ok {
		return nil, fault.Hintf(fmt.Errorf("%s: the model is an encoder; it does not continue a text", dir),
			"fine-tune it to classify texts, or take a GPT-2, a Llama or one of its kin")
	}
	return lm, nil
}

// openConfig finds the family and reads its fields.
func openConfig(c *config) (opened, error) {
	family := c.String("model_type", "")
	var known []string
	for _, a := range archs {
		if a.modelType == family {
			return a.open(c)
		}
		known = append(known, a.modelType)
	}
	return opened{}, fmt.Errorf("model_type is %q, want one of %s", family, strings.Join(known, ", "))
}

// fill builds the model and reads its weights.
func (a opened) fill(w *weights, c *config, path string) (Model, error) {
	if want, have := a.Size(a.vocab, a.context, 1).Params, w.numbers(); want > have { // before memory is asked for
		return nil, fmt.Errorf("%s asks for %d parameters, %s has %d", path, want, w.Path(), have)
	}
	m := a.build(func(name string) bool { _, ok := w.find(name); return ok })
	from := m.(saver).origin()
	if err := w.fill(m.Params(), from); err != nil {
		return nil, err
	}
	return m, w.rest(m, c.Strings(extraKey), from)
}

// OpenParams fills parameters from the weights of a model folder by their names; what else is
// there is left alone.
func OpenParams(dir string, params []nn.Param) error {
	w, err := openWeights(dir)
	if err != nil {
		return err
	}
	defer w.Close()
	return w.fill(params, &checkpoint{})
}

// arrays are what a checkpoint holds, under transformers' names.
type arrays interface {
	Path() string // the file that is named in errors
	Names() []string
	Shape(name string) ([]int, bool)
	Float32(name string) ([]float32, []int, error)
	Close() error
}

// safetensorsArrays are those of a folder.
type safetensorsArrays struct{ *safetensors.Set }

// Shape implements arrays.
func (s safetensorsArrays) Shape(name string) ([]int, bool) {
	info, ok := s.Info(name)
	return info.Shape, ok
}

// int8s are arrays that may be whole multiples of a scale for each row.
type int8s interface {
	// Int8 reads one; ok is false if the array is of another type.
	Int8(name string) (multiples []int8, ok bool, err error)
}

// weights is the open arrays of a checkpoint and which of them were read.
type weights struct {
	arrays
	names map[string]bool // true: read
}

func openWeights(dir string) (*weights, error) {
	f, err := safetensors.OpenFolder(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noWeights(dir, err)
	}
	if err != nil {
		return nil, err
	}
	return newWeights(safetensorsArrays{f}), nil
}

func newWeights(a arrays) *weights {
	w := &weights{a, map[string]bool{}}
	for _, n := range a.Names() {
		w.names[n] = false
	}
	return w
}

// noWeights names what a folder has instead of safetensors, and the remedy.
func noWeights(dir string, err error) error {
	for _, name := range []string{"pytorch_model.bin", "pytorch_model.bin.index.json"} {
		if _, e := os.Stat(filepath.Join(dir, name)); e == nil {
			return fault.Hintf(fmt.Errorf("%s: %s is a pickle, which can run any program; fragua reads safetensors", dir, name), "convert it with: "+
				`python -c "import sys, glob, torch, safetensors.torch as s; d = sys.argv[1]; w = {}; `+
				`[w.update(torch.load(f, map_location='cpu', weights_only=True)) for f in glob.glob(d + '/pytorch_model*.bin')]; `+
				`s.save_file({k: v.clone().contiguous() for k, v in w.items()}, d + '/model.safetensors', {'format': 'pt'})" %s`, dir)
		}
	}
	if _, e := os.Stat(filepath.Join(dir, "adapter_config.json")); e == nil {
		return fmt.Errorf("%s holds an adapter (adapter_config.json), not a whole model", dir)
	}
	return fmt.Errorf("%s holds no %s, nor %s: %w", dir, safetensors.SingleFile, safetensors.IndexFile, err)
}

// numbers is how many elements the arrays hold.
func (w *weights) numbers() (n int64) {
	for name := range w.names {
		shape, _ := w.Shape(name)
		m := int64(1)
		for _, d := range shape {
			m *= int64(d)
		}
		n += m
	}
	return n
}

// prefixes are those of the models without a head, which are saved without them.
var prefixes = []string{"transformer.", "model.", "bert.", "roberta.", "distilbert."}

// find returns an array's name in the file: without the prefix of the model in checkpoints of the
// model alone, and with the names that TensorFlow's first checkpoints have for norms.
func (w *weights) find(name string) (string, bool) {
	candidates := []string{name}
	for _, p := range prefixes {
		if short, ok := strings.CutPrefix(name, p); ok {
			candidates = append(candidates, short)
		}
	}
	for _, n := range candidates {
		for _, n := range []string{n, strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta").Replace(n)} {
			if _, ok := w.names[n]; ok {
				return n, true
			}
		}
	}
	return name, false
}

func (w *weights) fill(params []nn.Param, from *checkpoint) error {
	for _, p := range params {
		name, ok := w.find(p.Name)
		if !ok {
			return fmt.Errorf("%s: there is no array %q", w.Path(), p.Name)
		}
		want := p.Shape
		if p.Transposed {
			want = []int{p.Cols(), p.Rows()}
		}
		if shape, _ := w.Shape(name); !slices.Equal(shape, want) {
			return fmt.Errorf("%s: array %q has shape %v, want %v", w.Path(), name, shape, want)
		}
		if ok, err := w.fillInt8(p, name); err != nil {
			return err
		} else if ok {
			w.names[name], w.names[name+scaleSuffix] = true, true
			continue
		}
		data, _, err := w.Float32(name)
		if err != nil {
			return err
		}
		if i := notFinite(data); i >= 0 {
			return fault.Hintf(fmt.Errorf("%s: array %q holds %g at %d", w.Path(), name, data[i], i),
				"the training that made it diverged, or a half float overflowed: take an earlier checkpoint")
		}
		if p.Transposed {
			data = transpose(data, want[0], want[1])
		}
		p.Data = data
		w.names[name] = true
		if name != p.Name {
			if from.names == nil {
				from.names = map[string]string{}
			}
			from.names[p.Name] = name
		}
	}
	return nil
}

// fillInt8 reads a matrix in int8, as SaveParams writes it; ok is false if the array is none.
func (w *weights) fillInt8(p nn.Param, name string) (ok bool, err error) {
	a, can := w.arrays.(int8s)
	if !can || len(p.Shape) != 2 || p.Transposed {
		return false, nil
	}
	multiples, ok, err := a.Int8(name)
	if !ok || err != nil {
		return false, err
	}
	scales, shape, err := w.Float32(name + scaleSuffix)
	if err != nil {
		return false, err
	}
	if !slices.Equal(shape, []int{p.Rows(), 1}) || notFinite(scales) >= 0 {
		return false, fmt.Errorf("%s: array %q has shape %v or holds what is not finite; want a scale for each of %d rows", w.Path(), name+scaleSuffix, shape, p.Rows())
	}
	p.Quantized = gemm.FromInt8(multiples, scales, p.Rows(), p.Cols())
	p.Data, p.Grad = nil, nil
	return true, nil
}

// notFinite is where the first number is that is NaN or infinite, -1 if there is none.
func notFinite(x []float32) int {
	for i, v := range x {
		if v-v != 0 {
			return i
		}
	}
	return -1
}

// constants are the ends of names of arrays that old versions of transformers saved: masks,
// frequencies, positions.
var constants = []string{".attn.bias", ".attn.masked_bias", ".rotary_emb.inv_freq", ".position_ids",
	".EncDecAttention.relative_attention_bias.weight"} // of the first T5, which read it nowhere

// heads are the beginnings of names of the arrays that a task put on top of a model.
var taskHeads = []string{"score.", "classifier.", "pre_classifier.", "qa_outputs.", "cls.seq_relationship.", "pooler.", "classification_head.", "head."}

// rest accounts for the arrays that are not parameters: those that config.json names, second names
// of tied ones, heads of tasks, and constants.
func (w *weights) rest(m Model, extra []string, from *checkpoint) error {
	for _, name := range w.Names() {
		switch {
		case w.names[name], slices.Contains(extra, name):
		case slices.ContainsFunc(constants, func(end string) bool { return strings.HasSuffix("."+name, end) }):
		case strings.HasSuffix(name, "coder.embed_positions.weight"):
			data, shape, err := w.Float32(name)
			if err != nil {
				return err
			}
			p := nn.Param{Name: name, Tensor: tensor.From(data, shape...)}
			if s, ok := m.(*encDec); !ok || !closeTo(p.Tensor, s.positions) {
				return fmt.Errorf("%s: %s are not the sinusoids that the family has", w.Path(), name)
			}
			from.constants = append(from.constants, p)
		case slices.ContainsFunc(taskHeads, func(head string) bool { return strings.HasPrefix(name, head) }):
			data, shape, err := w.Float32(name)
			if err != nil {
				return err
			}
			from.heads = append(from.heads, nn.Param{Name: name, Tensor: tensor.From(data, shape...)})
		default:
			if err := w.tied(m, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// closeTo reports whether two arrays are the same but for the rounding of F16 or BF16.
func closeTo(a, b *tensor.Tensor) bool {
	for i, v := range a.Data {
		if i >= len(b.Data) || v-b.Data[i] > 1e-2 || b.Data[i]-v > 1e-2 {
			return false
		}
	}
	return len(a.Data) == len(b.Data)
}

// tied checks that an array which is no parameter is the second name of one.
func (w *weights) tied(m Model, name string) error {
	t, ok := m.(interface {
		alias(name string) *tensor.Tensor
	})
	var p *tensor.Tensor
	if ok {
		p = t.alias(name)
	}
	if p == nil {
		return fmt.Errorf("%s: array %q belongs to no part of the model", w.Path(), name)
	}
	data, _, err := w.Float32(name)
	if err != nil {
		return err
	}
	if !slices.Equal(data, p.Data) {
		return fmt.Errorf("%s: %s is not the array that the configuration ties it to", w.Path(), name)
	}
	return nil
}
