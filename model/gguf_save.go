package model

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"fragua/model/gguf"
	"fragua/model/kernel"
	"fragua/pipeline/fault"
)

// GGUFTypes are what SaveGGUF can keep matrices in, with llama.cpp's number of such a file.
var GGUFTypes = map[string]struct {
	Type     gguf.Type
	FileType uint32
}{"f32": {gguf.F32, 0}, "f16": {gguf.F16, 1}, "bf16": {gguf.BF16, 32}, "q8_0": {gguf.Q8_0, 7}, "q6_k": {gguf.Q6_K, 18}, "q4_k": {gguf.Q4_K, 14}}

// SaveGGUF writes a model for llama.cpp. more are further keys: the tokenizer's. Rows that are no
// whole blocks of the type are kept as F16, and with q4_k embedding and head as Q8_0. Vectors stay F32.
func SaveGGUF(path string, m Model, kind string, more map[string]any) error {
	k, ok := GGUFTypes[kind]
	if !ok {
		return fmt.Errorf("there is no GGUF type %q, only %s", kind, strings.Join(slices.Sorted(maps.Keys(GGUFTypes)), ", "))
	}
	g, err := newGGUFWriter(m)
	if err != nil {
		return err
	}
	maps.Copy(g.meta, more)
	g.meta["general.architecture"], g.meta["general.file_type"], g.meta["general.quantization_version"] = g.arch, k.FileType, uint32(2)
	for _, p := range m.Params() {
		name, err := g.nameOf(p.Name)
		if err != nil {
			return err
		}
		if p.Quantized != nil {
			return fmt.Errorf("%s was quantized, and its numbers are gone", p.Name)
		}
		a := gguf.Array{Name: name, Type: k.Type, Shape: p.Shape, Data: p.Data}
		if len(p.Shape) == 1 || strings.HasPrefix(name, "position_embd") {
			a.Type = gguf.F32
		} else if a.Type == gguf.Q4_K && (name == "token_embd.weight" || name == "output.weight") {
			a.Type = gguf.Q8_0
		}
		for _, coarser := range []gguf.Type{gguf.Q8_0, gguf.F16} {
			if p.Cols()%gguf.Block(a.Type) != 0 {
				a.Type = coarser
			}
		}
		part := name[strings.LastIndexByte(strings.TrimSuffix(strings.TrimSuffix(name, ".weight"), ".bias"), '.')+1:] // attn_q.weight
		if fix := g.fix[part]; fix != nil {
			a.Data = slices.Clone(a.Data)
			fix(a.Data, a.Shape)
		} else if g.arch == "gemma3" && strings.Contains(name, "norm.") {
			a.Data = slices.Clone(a.Data)
			for i := range a.Data {
				a.Data[i]++ // llama.cpp wants 1 + weight
			}
		}
		g.arrays = append(g.arrays, a)
	}
	return replace(path, func(w io.Writer) error { return gguf.Write(w, g.meta, g.arrays) })
}

type ggufWriter struct {
	arch   string
	meta   map[string]any
	names  map[string]string // transformers' → llama.cpp's, with %d for the layer
	fix    map[string]func([]float32, []int)
	arrays []gguf.Array
}

func newGGUFWriter(m Model) (*ggufWriter, error) {
	s, ok := m.(saver)
	if !ok {
		return nil, fmt.Errorf("models of type %T have no GGUF", m)
	}
	fields, err := s.origin().configKeys(s.config())
	if err != nil {
		return nil, err
	}
	kind, _ := fields["model_type"].(string)
	g := &ggufWriter{meta: map[string]any{}, names: map[string]string{}}
	for arch, a := range ggufArchs {
		if a.modelType == kind || kind == "mistral" && arch == "llama" {
			g.arch = arch
		}
	}
	if g.arch == "" {
		return nil, fault.Hintf(fmt.Errorf("a %s cannot become a GGUF file", kind), "llama.cpp gets GPT-2, Llama, Mistral, Qwen2, Qwen3 and Gemma 3; others go to a Hugging Face folder")
	}
	for part, to := range ggufArchs[g.arch].names {
		g.names[to] = part
	}
	set := func(key string, v any) {
		if n, ok := v.(int); ok {
			v = uint32(n)
		}
		g.meta[g.arch+"."+key] = v
	}
	switch m := m.(type) {
	case *gpt:
		if m.variant.scales != nil || !slices.Contains([]string{"gelu_new", "gelu_pytorch_tanh"}, string(m.activation())) {
			return nil, fmt.Errorf("llama.cpp knows no GPT-2 with other scales or another activation than gelu_new")
		}
		set("block_count", m.GPT.Layers)
		set("context_length", m.context)
		set("embedding_length", m.GPT.Width)
		set("feed_forward_length", m.mlpWidth())
		set("attention.head_count", m.GPT.Heads)
		set("attention.layer_norm_epsilon", m.eps)
	case *llama:
		if m.variant.windows != nil {
			return nil, fmt.Errorf("llama.cpp knows no %s with a window", kind)
		}
		g.llama(&m.Llama, m.context, m.eps, set)
		if g.arch == "llama" {
			g.fix = map[string]func([]float32, []int){}
			for part, heads := range map[string]int{"attn_q": m.Heads, "attn_k": m.KVHeads} {
				permute := func(data []float32, shape []int) { permuteRows(data, shape, heads, false) }
				g.fix[part+".weight"], g.fix[part+".bias"] = permute, permute
			}
		}
		return g, g.rope(fields, m.headDim(), m.context, set)
	case *gemma:
		g.llama(&m.Llama, m.context, m.FinalNorm.Eps, set)
		by := float64(m.headDim())
		if m.Layers == 62 { // as llama.cpp tells the largest from the others
			by = float64(m.Llama.Width / m.Heads)
		}
		if want := float32(1 / math.Sqrt(by)); m.scales[0] != want {
			return nil, fmt.Errorf("llama.cpp's Gemma 3 has scores multiplied by %g, this one by %g", want, m.scales[0])
		}
		window := 0
		for i, w := range m.variant.windows {
			if full := (i+1)%6 == 0; full != (w == 0) {
				return nil, fmt.Errorf("llama.cpp's Gemma 3 has a layer without a window after each five with one, this one has not")
			}
			window = max(window, w)
		}
		set("attention.sliding_window", window)
		set("rope.freq_base", numberOf(fields, 1e6, "rope_parameters", "full_attention", "rope_theta"))
		if local := numberOf(fields, 1e4, "rope_parameters", "sliding_attention", "rope_theta"); local != 1e4 {
			return nil, fmt.Errorf("llama.cpp's Gemma 3 has rotary positions of base 10000 in layers with a window, this one %g", local)
		}
	default:
		return nil, fmt.Errorf("models of type %T have no GGUF", m)
	}
	return g, nil
}

// llama sets the keys that Llama and its kin share.
func (g *ggufWriter) llama(l *Llama, context int, eps float32, set func(string, any)) {
	set("block_count", l.Layers)
	set("context_length", context)
	set("embedding_length", l.Width)
	set("feed_forward_length", l.Hidden)
	set("attention.head_count", l.Heads)
	set("attention.head_count_kv", l.KVHeads)
	set("attention.layer_norm_rms_epsilon", eps)
	set("attention.key_length", l.headDim())
	set("attention.value_length", l.headDim())
	if g.arch == "llama" {
		set("rope.dimension_count", l.headDim())
	}
}

// numberOf is a number at a path of config.json.
func numberOf(fields map[string]any, fallback float32, path ...string) float32 {
	var v any = fields
	for _, key := range path {
		o, _ := v.(map[string]any)
		v = o[key]
	}
	if n, ok := v.(json.Number); ok {
		if f, err := n.Float64(); err == nil {
			return float32(f)
		}
	}
	return fallback
}

// rope sets the keys of rotary positions, which config.json has under two names.
func (g *ggufWriter) rope(fields map[string]any, dim, context int, set func(string, any)) error {
	theta := numberOf(fields, numberOf(fields, 10000, "rope_theta"), "rope_parameters", "rope_theta")
	set("rope.freq_base", theta)
	from := "rope_parameters"
	o, ok := fields[from].(map[string]any)
	if !ok {
		from = "rope_scaling"
		o, _ = fields[from].(map[string]any)
	}
	kind, _ := o["rope_type"].(string)
	if kind == "" {
		kind, _ = o["type"].(string)
	}
	number := func(name string) float32 { return numberOf(fields, 0, from, name) }
	switch kind {
	case "", "default":
		return nil
	case "linear":
		set("rope.scaling.type", "linear")
		set("rope.scaling.factor", number("factor"))
		return nil
	case "llama3":
		b, err := json.Marshal(o)
		if err != nil {
			return err
		}
		c, err := parseConfig(b)
		if err != nil {
			return err
		}
		scaled, factors := kernel.RoPEFrequencies(dim, float64(theta)), []float32(nil)
		llama3Rope(c, scaled, float64(number("factor")), context)
		for i, f := range kernel.RoPEFrequencies(dim, float64(theta)) {
			factors = append(factors, float32(f/scaled[i]))
		}
		g.arrays = append(g.arrays, gguf.Array{Name: "rope_freqs.weight", Type: gguf.F32, Shape: []int{dim / 2}, Data: factors})
		return nil
	}
	return fmt.Errorf("rotary positions of type %q cannot be written for llama.cpp, only default, linear and llama3", kind)
}

// nameOf is llama.cpp's name of a parameter.
func (g *ggufWriter) nameOf(name string) (string, error) {
	i := strings.LastIndexByte(name, '.')
	stem, ending := name[:i], name[i:]
	parts, layer := strings.Split(stem, "."), ""
	for i, p := range parts {
		if _, err := strconv.Atoi(p); err == nil && layer == "" {
			layer, parts[i] = p, "%d"
		}
	}
	part, ok := g.names[strings.Join(parts, ".")]
	if !ok {
		return "", fmt.Errorf("%s has no name in a GGUF file", name)
	}
	if layer != "" {
		part = "blk." + layer + "." + part
	}
	return part + ending, nil
}
