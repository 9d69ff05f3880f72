package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/zeebo/xxh3"

	"fragua/model/safetensors"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// A Checkpoint says where and how often a run is saved. One file holds all of
// it, so that it is whole or not there:
//
//	weight.NAME    the parameters that train
//	moment.NAME    the optimizer's arrays, in the slab's layout
//	best           the weights with the best score, if Offer was called
//	carry.N        a recurrent state
//	metadata       "fragua": position, updates, the optimizer's scalars, History
type Checkpoint struct {
	Dir   string        // "" saves nothing
	Every time.Duration // of training between two checkpoints; 0: one at the end, and when the context ends
	Steps int64         // also after every Steps steps; 0: by time alone
}

const checkpointName = "checkpoint.safetensors"

// due never decides what is computed, only when it is saved.
func (c Checkpoint) due(step int64, saved time.Time) bool {
	if c.Dir == "" {
		return false
	}
	return c.Steps > 0 && step%c.Steps == 0 || c.Every > 0 && time.Since(saved) >= c.Every
}

// savedState is what a checkpoint's metadata holds.
type savedState struct {
	At        position        `json:"at"`
	Updates   []int64         `json:"updates"`
	Carries   int             `json:"carries"` // arrays of the recurrent state; -1: none
	Steps     int64           `json:"steps"`
	Seed      uint64          `json:"seed"`
	Optimizer json.RawMessage `json:"optimizer,omitempty"`
	History   json.RawMessage `json:"history,omitempty"`
}

// arrays lists all that a checkpoint holds, as views on the memory in use.
func (l *Loop) arrays(carry [][]float32) []safetensors.Array {
	var all []safetensors.Array
	for _, p := range l.slab.Params {
		all = append(all, safetensors.Float32("weight."+p.Name, p.Shape, p.Data))
	}
	add := func(name string, data []float32) {
		all = append(all, safetensors.Float32(name, []int{len(data)}, data))
	}
	for _, m := range l.state.Moments() {
		add("moment."+m.Name, m.Data)
	}
	if l.best != nil {
		add("best", l.best)
	}
	for i, c := range carry {
		add(fmt.Sprintf("carry.%d", i), c)
	}
	return all
}

func (l *Loop) save() error {
	l.saved = time.Now()
	if l.Checkpoint.Dir == "" {
		return nil
	}
	if err := l.Fetch(); err != nil {
		return err
	}
	s := savedState{At: l.at, Updates: l.slab.Updates, Carries: -1, Steps: l.Steps, Seed: l.Seed}
	if l.at.Unreported != nil && l.at.Unreported.Skipped != "" {
		r := *l.at.Unreported
		r.NLL, r.Norm = 0, 0 // perhaps not numbers, which JSON cannot hold; the reason tells them
		s.At.Unreported = &r
	}
	if l.at.carry != nil {
		s.Carries = len(l.at.carry)
	}
	var err error
	if r, ok := l.state.(Stateful); ok {
		if s.Optimizer, err = json.Marshal(r.State()); err != nil {
			return err
		}
	}
	if l.History != nil {
		if s.History, err = json.Marshal(l.History); err != nil {
			return err
		}
	}
	meta, err := json.Marshal(s)
	if err != nil {
		return err
	}
	arrays := l.arrays(l.at.carry)
	var names []string
	byName := map[string]safetensors.Array{}
	for _, a := range arrays {
		names, byName[a.Name] = append(names, a.Name), a
	}
	sum, err := checksum(string(meta), names, func(name string) (safetensors.Array, error) { return byName[name], nil })
	if err != nil {
		return err
	}
	return store.WriteFile(filepath.Join(l.Checkpoint.Dir, checkpointName), func(w io.Writer) error {
		return safetensors.Write(w, arrays, map[string]string{"fragua": string(meta), "xxh3": sum})
	})
}

// checksum is XXH3 of a checkpoint's state and of its arrays, in the order of
// their names.
func checksum(meta string, names []string, array func(name string) (safetensors.Array, error)) (string, error) {
	h := xxh3.New()
	h.WriteString(meta)
	for _, name := range slices.Sorted(slices.Values(names)) {
		a, err := array(name)
		if err != nil {
			return "", err
		}
		h.WriteString("\x00" + name + "\x00")
		h.Write(a.Data)
	}
	return fmt.Sprintf("%016x", h.Sum64()), nil
}

// checkCheckpoint compares a checkpoint with its checksum: training that went on
// from a flipped bit would end elsewhere, and nobody would know.
func checkCheckpoint(name string, f *safetensors.File) error {
	meta := f.Metadata()
	sum, err := checksum(meta["fragua"], f.Names(), f.Array)
	if err == nil && sum != meta["xxh3"] {
		err = &fault.RowError{File: name, Row: -1, Err: fmt.Errorf("its content changed: checksum %s, was %s", sum, meta["xxh3"])}
	}
	if err != nil {
		return fault.Hintf(err, "remove %s to train from the start", name)
	}
	return nil
}

// resume goes to where the checkpoint stands, if there is one.
func (l *Loop) resume() error {
	l.saved = time.Now()
	if l.Checkpoint.Dir == "" {
		return nil
	}
	name := filepath.Join(l.Checkpoint.Dir, checkpointName)
	f, err := safetensors.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.Hintf(err, "remove %s to train from the start", name)
	}
	defer f.Close()
	if err := checkCheckpoint(name, f); err != nil {
		return err
	}
	var s savedState
	if err := json.Unmarshal([]byte(f.Metadata()["fragua"]), &s); err != nil {
		return &fault.RowError{File: name, Row: -1, Err: fmt.Errorf("it is no checkpoint of fragua: %w", err)}
	}
	if s.Steps != l.Steps || s.Seed != l.Seed || len(s.Updates) != len(l.slab.Params) {
		return l.foreign(name, fmt.Errorf("of %d steps, seed %d, %d parameters", s.Steps, s.Seed, len(s.Updates)))
	}
	read := func(into []float32, array string) error {
		v, _, err := f.Float32(array)
		if err == nil && len(v) != len(into) {
			err = fmt.Errorf("%s has %d numbers, not %d", array, len(v), len(into))
		}
		copy(into, v)
		return err
	}
	for _, p := range l.slab.Params {
		if err := read(p.Data, "weight."+p.Name); err != nil {
			return l.foreign(name, err)
		}
	}
	for _, m := range l.state.Moments() {
		if err := read(m.Data, "moment."+m.Name); err != nil {
			return l.foreign(name, err)
		}
	}
	if s.At.BestStep > 0 {
		l.best = l.slab.New()
		if err := read(l.best, "best"); err != nil {
			return l.foreign(name, err)
		}
	}
	if s.Carries >= 0 {
		carry := make([][]float32, s.Carries)
		for i := range carry {
			if carry[i], _, err = f.Float32(fmt.Sprintf("carry.%d", i)); err != nil {
				return l.foreign(name, err)
			}
		}
		s.At.carry = carry
	}
	if r, ok := l.state.(Stateful); ok {
		if err := json.Unmarshal(s.Optimizer, r.State()); err != nil {
			return l.foreign(name, err)
		}
	}
	if l.History != nil {
		if err := json.Unmarshal(s.History, l.History); err != nil {
			return l.foreign(name, err)
		}
	}
	l.at = s.At
	copy(l.slab.Updates, s.Updates)
	return nil
}

// foreign says that a checkpoint belongs to another run.
func (l *Loop) foreign(name string, err error) error {
	return fault.Hintf(fmt.Errorf("%s does not fit this run: %w", name, err), "remove it to train from the start")
}
