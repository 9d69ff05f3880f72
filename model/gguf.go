package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fragua/model/gguf"
	"fragua/model/kernel"
	"fragua/pipeline/fault"
)

// GGUFFile returns the GGUF file that a path names: itself, or the only one in a folder without
// config.json; "" if there is none.
func GGUFFile(path string) (string, error) {
	if strings.HasSuffix(path, ".gguf") {
		info, err := os.Stat(path)
		if err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	if _, err := os.Stat(filepath.Join(path, ConfigFile)); err == nil {
		return "", nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return "", nil // what reads it next says why
	}
	var found []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".gguf") {
			found = append(found, filepath.Join(path, e.Name()))
		}
	}
	if len(found) > 1 {
		return "", fault.Hintf(fmt.Errorf("%s holds %d GGUF files", path, len(found)), "name one of %s", strings.Join(found, ", "))
	}
	return strings.Join(found, ""), nil
}

// openGGUF opens a model of llama.cpp: its keys become those of config.json, and its arrays get
// the names and the layout that transformers gives them.
func openGGUF(path string) (Model, error) {
	f, err := gguf.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, fault.Hintf(err, "convert a GGUF of another type with llama.cpp's llama-quantize --allow-requantize FILE OUT q8_0")
	}
	g := &ggufModel{File: f, home: map[string]ggufArray{}}
	defer f.Close() // once more is no harm
	fields, err := g.fields()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	b, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	return openWith(b, path, func() (*weights, error) { return newWeights(g), nil })
}

// A ggufArray is where an array lies, and how its rows become those of transformers; fix may be nil.
type ggufArray struct {
	name      string
	transpose bool
	fix       func(data []float32, shape []int)
}

// A ggufModel is a file's arrays under transformers' names.
type ggufModel struct {
	*gguf.File
	arch  string
	known map[string]bool // keys that were asked for
	home  map[string]ggufArray
}

func (g *ggufModel) Names() []string { return slices.Sorted(maps.Keys(g.home)) }

// Shape implements arrays.
func (g *ggufModel) Shape(name string) ([]int, bool) {
	a, ok := g.home[name]
	info, _ := g.Info(a.name)
	shape := slices.Clone(info.Shape)
	if a.transpose {
		slices.Reverse(shape)
	}
	return shape, ok
}

// Float32 implements arrays.
func (g *ggufModel) Float32(name string) ([]float32, []int, error) {
	a, ok := g.home[name]
	if !ok {
		return nil, nil, fmt.Errorf("%s: there is no array %q", g.Path(), name)
	}
	data, shape, err := g.File.Float32(a.name)
	if err != nil {
		return nil, nil, err
	}
	if a.fix != nil {
		a.fix(data, shape)
	}
	if a.transpose {
		data = transpose(data, shape[0], shape[1])
		slices.Reverse(shape)
	}
	return data, shape, nil
}

// key returns a key of the architecture, without its prefix; nil if it is absent.
func (g *ggufModel) key(name string) any {
	name = g.arch + "." + name
	g.known[name] = true
	return g.Meta[name]
}

// ggufArchs is the architectures of llama.cpp that are read: transformers' model_type, and the
// names of the parts of a block. Arrays have a weight and may have a bias.
var ggufArchs = map[string]struct {
	modelType string
	names     map[string]string
}{
	"llama":  {"llama", llamaGGUF},
	"qwen2":  {"qwen2", llamaGGUF},
	"qwen3":  {"qwen3", llamaGGUF},
	"gemma3": {"gemma3_text", gemmaGGUF},
	"gpt2":   {"gpt2", gptGGUF},
}

var llamaGGUF = map[string]string{
	"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
	"attn_norm": "model.layers.%d.input_layernorm", "attn_q": "model.layers.%d.self_attn.q_proj",
	"attn_k": "model.layers.%d.self_attn.k_proj", "attn_v": "model.layers.%d.self_attn.v_proj",
	"attn_output": "model.layers.%d.self_attn.o_proj", "ffn_norm": "model.layers.%d.post_attention_layernorm",
	"attn_q_norm": "model.layers.%d.self_attn.q_norm", "attn_k_norm": "model.layers.%d.self_attn.k_norm",
	"ffn_gate": "model.layers.%d.mlp.gate_proj", "ffn_up": "model.layers.%d.mlp.up_proj", "ffn_down": "model.layers.%d.mlp.down_proj",
}

var gemmaGGUF = func() map[string]string {
	m := maps.Clone(llamaGGUF)
	m["post_attention_norm"], m["ffn_norm"] = "model.layers.%d.post_attention_layernorm", "model.layers.%d.pre_feedforward_layernorm"
	m["post_ffw_norm"] = "model.layers.%d.post_feedforward_layernorm"
	return m
}()

var gptGGUF = map[string]string{
	"token_embd": "transformer.wte", "position_embd": "transformer.wpe", "output_norm": "transformer.ln_f", "output": "lm_head",
	"attn_norm": "transformer.h.%d.ln_1", "attn_qkv": "transformer.h.%d.attn.c_attn", "attn_output": "transformer.h.%d.attn.c_proj",
	"ffn_norm": "transformer.h.%d.ln_2", "ffn_up": "transformer.h.%d.mlp.c_fc", "ffn_down": "transformer.h.%d.mlp.c_proj",
}

// fields is config.json, made of the file's keys; the arrays are named on the way.
func (g *ggufModel) fields() (map[string]any, error) {
	g.known = map[string]bool{}
	g.arch, _ = g.Meta["general.architecture"].(string)
	kind, ok := ggufArchs[g.arch]
	if !ok {
		return nil, fmt.Errorf("general.architecture is %q, which is not supported, only %s", g.arch, strings.Join(slices.Sorted(maps.Keys(ggufArchs)), ", "))
	}
	if n, ok := g.Meta["split.count"].(int64); ok && n > 1 {
		return nil, fault.Hintf(fmt.Errorf("it is one of %d parts", n), "join them with llama.cpp's llama-gguf-split --merge")
	}
	c := map[string]any{"model_type": kind.modelType}
	take := func(field, key string) {
		if v := g.key(key); v != nil {
			c[field] = v
		}
	}
	for field, key := range map[string]string{"bos_token_id": "bos", "eos_token_id": "eos", "pad_token_id": "padding"} {
		if v, ok := g.Meta["tokenizer.ggml."+key+"_token_id"].(int64); ok {
			c[field] = v
		}
	}
	if g.arch == "gpt2" {
		take("n_layer", "block_count")
		take("n_positions", "context_length")
		take("n_embd", "embedding_length")
		take("n_inner", "feed_forward_length")
		take("n_head", "attention.head_count")
		take("layer_norm_epsilon", "attention.layer_norm_epsilon")
		c["attn_pdrop"], c["resid_pdrop"], c["embd_pdrop"] = 0, 0, 0
	} else {
		take("num_hidden_layers", "block_count")
		take("max_position_embeddings", "context_length")
		take("hidden_size", "embedding_length")
		take("intermediate_size", "feed_forward_length")
		take("num_attention_heads", "attention.head_count")
		take("num_key_value_heads", "attention.head_count_kv")
		take("rms_norm_eps", "attention.layer_norm_rms_epsilon")
		take("rope_theta", "rope.freq_base")
		take("head_dim", "attention.key_length")
	}
	heads, _ := c["num_attention_heads"].(int64)
	width, _ := c["hidden_size"].(int64)
	dim, ok := c["head_dim"].(int64)
	if !ok && heads > 0 {
		dim = width / heads
	}
	var faults []error
	same := func(key string, want int64) {
		if v, ok := g.key(key).(int64); ok && v != want {
			faults = append(faults, fmt.Errorf("%s.%s is %d, which is not supported, only %d", g.arch, key, v, want))
		}
	}
	same("attention.value_length", dim)
	same("rope.dimension_count", dim)
	embedding, _ := g.Info("token_embd.weight")
	if len(embedding.Shape) != 2 {
		return nil, errors.New("there is no matrix token_embd.weight")
	}
	c["vocab_size"] = embedding.Shape[0]
	same("vocab_size", int64(embedding.Shape[0]))
	_, untied := g.Info("output.weight")
	c["tie_word_embeddings"] = !untied
	if _, ok := g.Info("blk.0.attn_output.bias"); ok && g.arch != "gpt2" {
		c["attention_bias"] = true
	}
	if _, ok := g.Info("blk.0.ffn_down.bias"); ok && g.arch == "llama" {
		c["mlp_bias"] = true
	}
	if g.arch == "gemma3" {
		c["query_pre_attn_scalar"] = dim // of all but the largest, which has 62 layers
		if layers, _ := c["num_hidden_layers"].(int64); layers == 62 && heads > 0 {
			c["query_pre_attn_scalar"] = width / heads
		}
		take("sliding_window", "attention.sliding_window")
		take("rope_local_base_freq", "rope.freq_base_swa")
		take("sliding_window_pattern", "attention.sliding_window_pattern")
	}
	rope, err := g.rope(dim)
	faults = append(faults, err)
	if rope != nil {
		c["rope_scaling"] = rope
	}
	faults = append(faults, g.name(kind.names, int(heads), c))
	for _, key := range slices.Sorted(maps.Keys(g.Meta)) {
		if strings.HasPrefix(key, g.arch+".") && !g.known[key] {
			faults = append(faults, fmt.Errorf("key %q is not known", key))
		}
	}
	return c, errors.Join(faults...)
}

// rope is rope_scaling as transformers has it; nil: none.
func (g *ggufModel) rope(dim int64) (map[string]any, error) {
	kind, factor := g.key("rope.scaling.type"), g.key("rope.scaling.factor")
	old, attention := g.key("rope.scaling.original_context_length"), g.key("rope.scaling.attn_factor")
	g.key("rope.scaling.finetuned") // says what the model has seen, and changes nothing
	if v := g.key("rope.scale_linear"); v != nil && v != 1.0 {
		kind, factor = "linear", v
	}
	if _, ok := g.Info("rope_freqs.weight"); ok {
		return g.ropeFactors(dim)
	}
	r := map[string]any{"rope_type": kind, "factor": factor}
	switch kind {
	case nil, "none":
		return nil, nil
	case "linear":
		return r, nil
	case "yarn":
		if old != nil {
			r["original_max_position_embeddings"] = old
		}
		if attention != nil {
			r["attention_factor"] = attention
		}
		return r, nil
	}
	return nil, fmt.Errorf("%s.rope.scaling.type is %v, which is not supported, only none, linear and yarn", g.arch, kind)
}

// ropeFactors recognizes the settings of Llama 3.1 in what the frequencies are divided by.
func (g *ggufModel) ropeFactors(dim int64) (map[string]any, error) {
	factors, _, err := g.File.Float32("rope_freqs.weight")
	if err != nil {
		return nil, err
	}
	theta, _ := g.key("rope.freq_base").(float64)
	if dim < 2 || len(factors) != int(dim)/2 || !(theta > 1) {
		return nil, fmt.Errorf("rope_freqs.weight has %d factors for heads of %d", len(factors), dim)
	}
	factor := float64(slices.Max(factors))
	for _, old := range []float64{8192, 4096, 2048, 16384, 32768, 131072, 16} {
		want := kernel.RoPEFrequencies(int(dim), theta)
		fields := map[string]any{"rope_type": "llama3", "factor": factor, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": int(old)}
		b, err := json.Marshal(fields)
		if err != nil {
			return nil, err
		}
		o, err := parseConfig(b)
		if err != nil {
			return nil, err
		}
		plain := kernel.RoPEFrequencies(int(dim), theta)
		llama3Rope(o, want, factor, int(old))
		near := true
		for i, f := range factors {
			near = near && math.Abs(plain[i]/want[i]-float64(f)) < 1e-3*float64(f)
		}
		if near {
			return fields, nil
		}
	}
	return nil, errors.New("rope_freqs.weight has other factors than Llama 3's, which are not supported")
}

// name gives every array its name in transformers.
func (g *ggufModel) name(names map[string]string, heads int, c map[string]any) error {
	kv := heads
	if n, ok := c["num_key_value_heads"].(int64); ok {
		kv = int(n)
	}
	for _, full := range g.File.Names() {
		if full == "rope_freqs.weight" {
			continue
		}
		stem, ending := full, ""
		if i := strings.LastIndexByte(full, '.'); i >= 0 {
			stem, ending = full[:i], full[i:]
		}
		part, layer := stem, -1
		if rest, ok := strings.CutPrefix(stem, "blk."); ok {
			if _, err := fmt.Sscanf(rest, "%d.%s", &layer, &part); err != nil {
				layer = -1
			}
		}
		to, ok := names[part]
		if !ok || strings.Contains(to, "%d") != (layer >= 0) || ending != ".weight" && ending != ".bias" {
			return fmt.Errorf("array %q is not known", full)
		}
		if layer >= 0 {
			to = fmt.Sprintf(to, layer)
		}
		info, _ := g.Info(full)
		a := ggufArray{name: full}
		switch {
		case g.arch == "gpt2":
			a.transpose = layer >= 0 && len(info.Shape) == 2
		case g.arch == "llama" && part == "attn_q":
			a.fix = unpermute(heads)
		case g.arch == "llama" && part == "attn_k":
			a.fix = unpermute(kv)
		case g.arch == "gemma3" && strings.HasSuffix(part, "norm"):
			a.fix = func(data []float32, _ []int) {
				for i := range data {
					data[i]-- // the file has 1 + weight
				}
			}
		}
		g.home[to+ending] = a
	}
	return nil
}

// unpermute undoes the order of rows that llama.cpp wants of a Llama's queries and keys, whose
// rotated features stand side by side there: row 2i+s of a head becomes row i + s·dim/2.
func unpermute(heads int) func([]float32, []int) {
	return func(data []float32, shape []int) { permuteRows(data, shape, heads, true) }
}

func permuteRows(data []float32, shape []int, heads int, back bool) {
	rows := shape[0]
	if heads < 1 || rows%(2*heads) != 0 {
		return // the settings' own check names it
	}
	width, half := len(data)/rows, rows/heads/2
	from := slices.Clone(data)
	for r := range rows {
		head, i := r/(2*half), r%(2*half)
		pair := head*2*half + 2*(i%half) + i/half // where the half-split row i stands among pairs
		if back {
			copy(data[r*width:][:width], from[pair*width:])
		} else {
			copy(data[pair*width:][:width], from[r*width:])
		}
	}
}
