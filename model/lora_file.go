package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fragua/model/nn"
	"fragua/model/safetensors"
	"fragua/model/tensor"
	"fragua/pipeline/fault"
)

// The files of an adapter's folder, as PEFT writes and reads them.
const (
	AdapterConfigFile  = "adapter_config.json"
	AdapterWeightsFile = "adapter_model.safetensors"

	adapterPrefix = "base_model.model."
)

// SaveAdapter writes the first adapter of each layer as PEFT's save_pretrained does. base is where
// the model lies; task is PEFT's task_type, such as SEQ_CLS or CAUSAL_LM; heads are whole parameters
// that were trained beside the adapter, such as a classification head.
func SaveAdapter(dir string, m Model, l *LoRA, base, task string, heads []nn.Param) error {
	var targets, whole []string
	transposed := false
	for _, x := range layers(m) {
		if len(x.Adapters) > 0 {
			targets = append(targets, x.name)
			transposed = transposed || x.param.Transposed
		}
	}
	var params []nn.Param
	for _, p := range AdapterParams(m) {
		if strings.HasPrefix(p.Name, adapterPrefix) {
			params = append(params, p)
		}
	}
	for _, h := range heads {
		whole = append(whole, h.Name[:strings.LastIndex(h.Name, ".")])
		h.Name = adapterPrefix + h.Name
		params = append(params, h)
	}
	config := map[string]any{
		"peft_type": "LORA", "task_type": task, "base_model_name_or_path": base, "inference_mode": true,
		"r": l.Rank, "lora_alpha": l.Alpha, "lora_dropout": l.Dropout, "target_modules": targets, "modules_to_save": whole,
		"use_rslora": l.RSLoRA, "use_dora": l.DoRA, "bias": "none", "fan_in_fan_out": transposed,
	}
	if l.Alpha == float64(int(l.Alpha)) {
		config["lora_alpha"] = int(l.Alpha)
	}
	if err := writeJSON(filepath.Join(dir, AdapterConfigFile), config); err != nil {
		return err
	}
	return SaveParams(filepath.Join(dir, AdapterWeightsFile), params)
}

// AdapterBase is where the model of an adapter's folder lies: base_model_name_or_path, which is
// relative to the working directory or to the folder.
func AdapterBase(dir string) (string, error) {
	name := filepath.Join(dir, AdapterConfigFile)
	b, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	var c struct {
		Base string `json:"base_model_name_or_path"`
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return "", &fault.RowError{File: name, Row: -1, Err: err}
	}
	for _, base := range []string{c.Base, filepath.Join(dir, c.Base)} {
		if _, err := os.Stat(filepath.Join(base, ConfigFile)); c.Base != "" && err == nil {
			return base, nil
		}
	}
	return "", fault.Hintf(fmt.Errorf("%s: base_model_name_or_path is %q, and there is no model", name, c.Base), "put the folder of the model there")
}

// OpenAdapter puts an adapter of PEFT's on a model, beside those that are there, and returns its
// settings and the parameters of heads that were trained with it (modules_to_save). Every field of
// adapter_config.json is honoured, known to change nothing, or refused.
func OpenAdapter(m Model, dir string) (l *LoRA, heads []nn.Param, err error) {
	name := filepath.Join(dir, AdapterConfigFile)
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, err
	}
	l, alphas, err := parseAdapter(b)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	f, err := safetensors.Open(filepath.Join(dir, AdapterWeightsFile))
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	heads, err = l.fill(m, f, alphas)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", filepath.Join(dir, AdapterWeightsFile), err)
	}
	return l, heads, nil
}

func parseAdapter(b []byte) (*LoRA, map[string]float64, error) {
	c := &config{known: map[string]bool{}}
	if err := json.Unmarshal(b, &c.raw); err != nil {
		return nil, nil, err
	}
	for k, v := range c.raw {
		if string(v) == "null" {
			delete(c.raw, k)
		}
	}
	c.Harmless("task_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision", "inference_mode", "fan_in_fan_out",
		"target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "rank_pattern", // the arrays say which layers, and of what rank
		"modules_to_save", "megatron_core", "qalora_group_size", "ensure_weight_tying")
	c.Only("peft_type", "LORA")
	c.Only("bias", "none")
	c.Only("lora_bias", false)
	c.Only("use_qalora", false)
	c.Only("loftq_config", map[string]any{})
	c.Only("init_lora_weights", true, false, "gaussian", "eva", "orthogonal") // others change the model's own weights
	l := &LoRA{Rank: c.Int("r", 8), Alpha: c.Float("lora_alpha", 8), Dropout: float32(c.Float("lora_dropout", 0)),
		RSLoRA: c.Bool("use_rslora", false), DoRA: c.Bool("use_dora", false), Targets: []string{allLinear}}
	alphas := map[string]float64{}
	c.field("alpha_pattern", &alphas)
	if faults := l.Check(); len(faults) > 0 {
		c.refuse("%s: %s", faults[0].Path, faults[0].Err)
	}
	return l, alphas, c.err()
}

// adapterName is the name under which a file has an adapter of a layer; where the adapter was
// trained on a model without a head, names lack the model's prefix.
func adapterName(f *safetensors.File, layer string) (string, bool) {
	candidates := []string{layer}
	for _, p := range prefixes {
		if short, ok := strings.CutPrefix(layer, p); ok {
			candidates = append(candidates, short)
		}
	}
	for _, c := range candidates {
		if _, ok := f.Info(adapterPrefix + c + ".lora_A.weight"); ok {
			return adapterPrefix + c, true
		}
	}
	return "", false
}

// fill makes adapters of the arrays of a file.
func (l *LoRA) fill(m Model, f *safetensors.File, alphas map[string]float64) (heads []nn.Param, err error) {
	left := map[string]bool{}
	for _, n := range f.Names() {
		left[n] = true
	}
	var fresh []*nn.Linear
	defer func() {
		if err != nil {
			for _, x := range fresh {
				x.Adapters = x.Adapters[:len(x.Adapters)-1]
			}
		}
	}()
	for _, x := range layers(m) {
		name, ok := adapterName(f, x.name)
		if !ok {
			continue
		}
		info, _ := f.Info(name + ".lora_A.weight")
		if len(info.Shape) != 2 || info.Shape[0] < 1 {
			return nil, fmt.Errorf("array %q has shape %v", name+".lora_A.weight", info.Shape)
		}
		alpha, err := patterned(alphas, x.name, l.Alpha)
		if err != nil {
			return nil, err
		}
		if len(x.Adapters) > 0 && (l.DoRA || x.Adapters[0].Magnitude != nil) {
			return nil, fmt.Errorf("%s has an adapter already, and DoRA is a layer's only one", x.name)
		}
		rank := info.Shape[0]
		a := x.Adapt(rank, 0, x.W.Rows(), l.scale(rank, alpha), l.Dropout, nil)
		fresh = append(fresh, x.Linear)
		parts := []nn.Param{{Name: name + ".lora_A.weight", Tensor: a.A}, {Name: name + ".lora_B.weight", Tensor: a.B}}
		if l.DoRA {
			x.Decompose()
			parts = append(parts, nn.Param{Name: name + ".lora_magnitude_vector", Tensor: a.Magnitude})
		}
		for _, p := range parts {
			data, shape, err := f.Float32(p.Name)
			if err != nil {
				return nil, err
			}
			if !slices.Equal(shape, p.Shape) {
				return nil, fmt.Errorf("array %q has shape %v, want %v", p.Name, shape, p.Shape)
			}
			copy(p.Data, data)
			delete(left, p.Name)
		}
	}
	for n := range left {
		short, ok := strings.CutPrefix(n, adapterPrefix)
		if !ok || !slices.ContainsFunc(taskHeads, func(h string) bool { return strings.HasPrefix(short, h) }) {
			return nil, fmt.Errorf("array %q belongs to no layer of the model", n)
		}
	}
	for _, n := range f.Names() {
		if left[n] {
			data, shape, err := f.Float32(n)
			if err != nil {
				return nil, err
			}
			heads = append(heads, nn.Param{Name: strings.TrimPrefix(n, adapterPrefix), Tensor: tensor.From(data, shape...)})
		}
	}
	if len(fresh) == 0 {
		return nil, errors.New("no array is an adapter of one of the model's layers")
	}
	return heads, nil
}
