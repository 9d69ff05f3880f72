package finetune

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"fragua/finetune/linear"
	"fragua/model/safetensors"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// The files of linear members in a model directory: their numbers, and the n-grams
// of each n-gram model by number.
const (
	linearFile = "linear.safetensors"
	ngramsFile = "ngrams.json"
)

// answerConfig is what config.json says of an ensemble.
type answerConfig struct {
	Strategy Strategy      `json:"strategy"`
	Pool     linear.Pool   `json:"pool"` // a weight for each member: the network, fine-tuned or frozen, then n-gram models
	NGrams   []linear.Spec `json:"ngrams,omitempty"`
	Prompt   *prompted     `json:"prompt,omitempty"`
}

// save writes the linear members.
func (e *ensemble) save(dir string) (*answerConfig, error) {
	c := &answerConfig{Strategy: e.strategy, Pool: e.pool}
	var arrays []safetensors.Array
	var grams [][]string
	add := func(prefix string, a linear.Arrays) {
		put := func(name string, v []float32) {
			if v != nil {
				arrays = append(arrays, safetensors.Float32(prefix+name, []int{len(v)}, v))
			}
		}
		put("idf", a.IDF)
		put("mean", a.Mean)
		put("scale", a.Scale)
		for k, w := range a.Weights {
			put(fmt.Sprintf("weight.%d", k), w)
		}
		put("bias", a.Bias)
	}
	for _, m := range e.members {
		switch m := m.(type) {
		case *prompted:
			c.Prompt = m
		case frozen:
			add("frozen.", m.Arrays())
		case ngrams:
			a := m.Arrays()
			add(fmt.Sprintf("ngrams.%d.", len(grams)), a)
			grams, c.NGrams = append(grams, a.Grams), append(c.NGrams, m.Spec)
		}
	}
	if len(arrays) == 0 {
		return c, nil
	}
	err := store.WriteFile(filepath.Join(dir, linearFile), func(w io.Writer) error { return safetensors.Write(w, arrays, nil) })
	if err != nil || len(grams) == 0 {
		return c, err
	}
	return c, store.WriteFile(filepath.Join(dir, ngramsFile), func(w io.Writer) error { return json.NewEncoder(w).Encode(grams) })
}

// open reads the ensemble of a model directory for this many classes.
func (c *answerConfig) open(dir string, classes int) (*ensemble, error) {
	if !slices.Contains(strategies, c.Strategy) {
		return nil, fmt.Errorf("%s: unknown strategy %q", dir, c.Strategy)
	}
	e := &ensemble{strategy: c.Strategy, pool: c.Pool}
	if c.Strategy.uses(Finetuned) {
		e.members = append(e.members, network{})
	}
	if c.Strategy == Prompted {
		if c.Prompt == nil || len(c.Prompt.Words) != classes {
			return nil, fmt.Errorf("%s: the prompt has not one word for each of %d classes", dir, classes)
		}
		e.members = append(e.members, c.Prompt)
	}
	if c.Strategy.uses(Frozen) || c.Strategy.uses(NGrams) {
		if err := c.openLinear(e, dir, classes); err != nil {
			return nil, err
		}
	}
	if len(e.pool) != len(e.members) {
		return nil, fmt.Errorf("%s: %d weights for %d models", dir, len(e.pool), len(e.members))
	}
	return e, nil
}

func (c *answerConfig) openLinear(e *ensemble, dir string, classes int) error {
	name := filepath.Join(dir, linearFile)
	f, err := safetensors.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	failed := func(err error) error { return fmt.Errorf("%s: %w", name, err) }
	if c.Strategy.uses(Frozen) {
		a, err := readLinear(f, "frozen.", classes)
		if err != nil {
			return failed(err)
		}
		d, err := linear.NewDense(classes, a)
		if err != nil {
			return failed(err)
		}
		e.members = append(e.members, frozen{d})
	}
	if !c.Strategy.uses(NGrams) {
		return nil
	}
	name = filepath.Join(dir, ngramsFile)
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var grams [][]string
	if err := json.Unmarshal(b, &grams); err != nil {
		return &fault.RowError{File: name, Row: -1, Err: err}
	}
	if len(grams) != len(c.NGrams) {
		return failed(fmt.Errorf("n-grams of %d models, and config.json has %d", len(grams), len(c.NGrams)))
	}
	for i, s := range c.NGrams {
		a, err := readLinear(f, fmt.Sprintf("ngrams.%d.", i), classes)
		if err != nil {
			return failed(err)
		}
		a.Grams = grams[i]
		m, err := s.New(classes, a)
		if err != nil {
			return failed(err)
		}
		e.members = append(e.members, ngrams{m})
	}
	return nil
}

func readLinear(f *safetensors.File, prefix string, classes int) (a linear.Arrays, err error) {
	get := func(name string) (v []float32) {
		if err == nil {
			v, _, err = f.Float32(prefix + name)
		}
		return v
	}
	has := func(name string) bool { _, ok := f.Info(prefix + name); return ok }
	if has("idf") {
		a.IDF = get("idf")
	}
	if has("mean") {
		a.Mean, a.Scale = get("mean"), get("scale")
	}
	for k := 0; k < classes && has(fmt.Sprintf("weight.%d", k)); k++ {
		a.Weights = append(a.Weights, get(fmt.Sprintf("weight.%d", k)))
	}
	a.Bias = get("bias")
	return a, err
}
