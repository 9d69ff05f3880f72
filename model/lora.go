package model

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"fragua/model/nn"
	"fragua/pipeline/fault"
)

// LoRA is the settings of low-rank adapters (Hu et al. 2021), in the terms of PEFT. All
// weights of the model stay as they are; beside each adapted layer two small matrices learn.
type LoRA struct {
	Rank    int      `yaml:"rank" doc:"Rows of the small matrices."`
	Alpha   float64  `yaml:"alpha" doc:"The adapter counts alpha/rank; with rslora alpha/√rank."`
	Dropout float32  `yaml:"dropout" doc:"Of what adapters read."`
	Targets []string `yaml:"targets" doc:"Layers to adapt, by the end of their names: [q_proj, v_proj]; all-linear: every linear layer."`
	RSLoRA  bool     `yaml:"rslora" doc:"Count alpha/√rank, so that a high rank does not learn slower (Kalajdzievski 2023)."`
	DoRA    bool     `yaml:"dora" doc:"Learn the lengths of the weights' rows apart from their direction (Liu et al. 2024)."`
}

// allLinear of Targets is every linear layer.
const allLinear = "all-linear"

// NewLoRA returns the settings with their defaults: every linear layer, as Hu et al. did not but
// later work found better.
func NewLoRA() *LoRA { return &LoRA{Rank: 8, Alpha: 16, Targets: []string{allLinear}} }

// Check finds faults that types cannot show.
func (l *LoRA) Check() []fault.Fault {
	var f faults
	f.positive("rank", l.Rank)
	f.rate("dropout", l.Dropout)
	if l.Alpha <= 0 {
		f = append(f, fault.Fault{Path: "alpha", Err: fmt.Sprintf("%g is not positive", l.Alpha), Hint: "twice the rank is usual"})
	}
	if len(l.Targets) == 0 {
		f = append(f, fault.Fault{Path: "targets", Err: "no layers to adapt", Hint: "[all-linear]"})
	}
	return f
}

func (l *LoRA) scale(rank int, alpha float64) float32 {
	if l.RSLoRA {
		return float32(alpha / math.Sqrt(float64(rank)))
	}
	return float32(alpha / float64(rank))
}

// layer is a linear layer by the name that its weight has in a checkpoint.
type layer struct {
	name  string
	param nn.Param // of the weight
	*nn.Linear
}

// ofHeads are parts of the names of layers that Hidden does not read: the pooler and the head of
// masked language modelling.
var ofHeads = []string{".pooler.", "cls.predictions.", "lm_head.", "vocab_transform."}

// layers are the linear layers that Hidden reads.
func layers(m Model) []layer {
	params := m.Params()
	var list []layer
	for _, l := range nn.Linears(m) {
		i := slices.IndexFunc(params, func(p nn.Param) bool { return p.Tensor == l.W })
		if i >= 0 && !slices.ContainsFunc(ofHeads, func(part string) bool { return strings.Contains(params[i].Name, part) }) {
			list = append(list, layer{strings.TrimSuffix(params[i].Name, ".weight"), params[i], l.Linear})
		}
	}
	return list
}

// targets picks layers by the ends of their names.
func (l *LoRA) targets(m Model) ([]layer, error) {
	all := layers(m)
	found := map[string]bool{}
	var picked []layer
	for _, x := range all {
		for _, t := range l.Targets {
			if t == allLinear || x.name == t || strings.HasSuffix(x.name, "."+t) {
				found[t] = true
				picked = append(picked, x)
				break
			}
		}
	}
	for _, t := range l.Targets {
		if !found[t] && !slices.ContainsFunc(picked, func(x layer) bool { return x.name == t || strings.HasSuffix(x.name, "."+t) }) {
			ends := map[string]bool{}
			var names []string
			for _, x := range all {
				if end := x.name[strings.LastIndex(x.name, ".")+1:]; !ends[end] {
					ends[end], names = true, append(names, end)
				}
			}
			return nil, fault.Hintf(fmt.Errorf("no layer is called %q", t), "the model has %s; or all-linear", strings.Join(names, ", "))
		}
	}
	return picked, nil
}

// Attach freezes the model and puts fresh adapters on it, whose parameters it returns.
func (l *LoRA) Attach(m Model, seed uint64) ([]nn.Param, error) {
	picked, err := l.targets(m)
	if err != nil {
		return nil, err
	}
	init := nn.NewInit(seed)
	for _, x := range picked {
		if len(x.Adapters) > 0 && l.DoRA {
			return nil, fmt.Errorf("%s has an adapter already, and DoRA is a layer's only one", x.name)
		}
		x.Adapt(l.Rank, 0, x.W.Rows(), l.scale(l.Rank, l.Alpha), l.Dropout, init)
		if l.DoRA {
			x.Decompose()
		}
	}
	nn.Freeze(m.Params(), func(nn.Param) bool { return true })
	return AdapterParams(m), nil
}

// AdapterParams are the parameters of the adapters, under PEFT's names; those of a layer's second
// adapter have another beginning.
func AdapterParams(m Model) (ps []nn.Param) {
	for _, x := range layers(m) {
		for i, a := range x.Adapters {
			name := adapterPrefix + x.name
			if i > 0 {
				name = fmt.Sprintf("adapter_%d.%s", i, x.name)
			}
			ps = append(ps,
				nn.Param{Name: name + ".lora_A.weight", Tensor: a.A, Decay: true, Group: x.param.Group},
				nn.Param{Name: name + ".lora_B.weight", Tensor: a.B, Decay: true, Group: x.param.Group})
			if a.Magnitude != nil {
				ps = append(ps, nn.Param{Name: name + ".lora_magnitude_vector", Tensor: a.Magnitude, Group: x.param.Group})
			}
		}
	}
	return ps
}

// MergeAdapters adds the adapters to the weights, and removes them.
func MergeAdapters(m Model) {
	for _, x := range layers(m) {
		x.Merge()
	}
}

// patterned is the value of the first pattern that a layer's name ends with, as PEFT's rank_pattern
// and alpha_pattern have them.
func patterned(patterns map[string]float64, name string, fallback float64) (float64, error) {
	keys := make([]string, 0, len(patterns))
	for k := range patterns {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		re, err := regexp.Compile(`^(?:.*\.)?(?:` + k + `)$`)
		if err != nil {
			return 0, fmt.Errorf("pattern %q: %w", k, err)
		}
		if re.MatchString(name) {
			return patterns[k], nil
		}
	}
	return fallback, nil
}
