package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
	"fragua/pipeline/store"
)

// fingerprint is all that a stage's bytes depend on; its hash is the stage's key.
type fingerprint struct {
	Use       string              `json:"use"`
	Version   int                 `json:"version"`
	Settings  json.RawMessage     `json:"settings"` // canonical
	Seed      uint64              `json:"seed"`
	Inputs    map[string][]string `json:"inputs"`
	Raw       []rawSum            `json:"raw,omitempty"`
	Limit     int64               `json:"limit,omitempty"`
	CPU       string              `json:"cpu,omitempty"`
	Precision string              `json:"precision,omitempty"`
}

type rawSum struct {
	Name string `json:"name"`
	XXH3 string `json:"xxh3"`
}

func (r fingerprint) key() string {
	b, err := json.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("pipeline: a fingerprint does not encode: %v", err)) // strings, numbers and our own JSON always do
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// elsewhere is the key without the level of the kernels: what the same stage
// has in common on all machines.
func (r fingerprint) elsewhere() string {
	r.CPU = ""
	return r.key()
}

// changes says in what a fingerprint differs from the one that was carried out
// before; "" if in nothing but the keys of its inputs.
func (r fingerprint) changes(old fingerprint) string {
	switch {
	case r.Use != old.Use:
		return fmt.Sprintf("it was a stage of another sort: %s", old.Use)
	case r.Version != old.Version:
		return fmt.Sprintf("fragua's %s is another: version %d, was %d", r.Use, r.Version, old.Version)
	case !sameJSON(r.Settings, old.Settings):
		var a, b any
		json.Unmarshal(old.Settings, &a) // our own JSON; where it is not, the difference is empty
		json.Unmarshal(r.Settings, &b)
		if d := difference("", a, b); d != "" {
			return "settings changed: " + d
		}
		return "settings changed"
	case r.Seed != old.Seed:
		return fmt.Sprintf("the seed changed: %d, was %d", r.Seed, old.Seed)
	case r.Limit != old.Limit:
		return fmt.Sprintf("the limit changed: %d, was %d", r.Limit, old.Limit)
	case r.CPU != old.CPU:
		return fmt.Sprintf("the CPU level changed: %s, was %s", r.CPU, old.CPU)
	case r.Precision != old.Precision:
		return fmt.Sprintf("the precision changed: %s, was %s", r.Precision, old.Precision)
	}
	return changedRaw(r.Raw, old.Raw)
}

func changedRaw(now, old []rawSum) string {
	before := map[string]string{}
	for _, r := range old {
		before[r.Name] = r.XXH3
	}
	for _, r := range now {
		sum, ok := before[r.Name]
		if !ok {
			return "a raw file is new: " + r.Name
		}
		if sum != r.XXH3 {
			return "a raw file changed: " + r.Name
		}
		delete(before, r.Name)
	}
	for _, r := range old {
		if _, ok := before[r.Name]; ok {
			return "a raw file is gone: " + r.Name
		}
	}
	return ""
}

// difference names the first setting that differs.
func difference(path string, a, b any) string {
	switch b := b.(type) {
	case map[string]any:
		a, ok := a.(map[string]any)
		if !ok {
			break
		}
		for _, k := range sortedKeys(a, b) {
			if d := difference(settings.Join(path, k), a[k], b[k]); d != "" {
				return d
			}
		}
		return ""
	case []any:
		a, ok := a.([]any)
		if !ok || len(a) != len(b) {
			return path
		}
		for i := range b {
			if d := difference(fmt.Sprintf("%s[%d]", path, i), a[i], b[i]); d != "" {
				return d
			}
		}
		return ""
	}
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	if bytes.Equal(x, y) {
		return ""
	}
	if len(x)+len(y) > 80 {
		return path
	}
	return fmt.Sprintf("%s is %s, was %s", path, y, x)
}

// rawSums returns the checksums of raw files, in their order.
func (r *run) rawSums(ctx context.Context, files []RawFile) ([]rawSum, error) {
	out := make([]rawSum, len(files))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.o.workers())
	for i, f := range files {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			sum, err := r.sums.Sum(f.Path)
			if err != nil {
				return fault.Hintf(err, "every raw file must be readable: repair it, or name the others in a narrower path")
			}
			out[i] = rawSum{f.Name, sum}
			return nil
		})
	}
	return out, g.Wait()
}

// writeJSONFile writes a value as indented JSON, durably.
func writeJSONFile(name string, v any) error {
	return store.WriteFile(name, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	})
}

func readJSONFile(name string, v any) error {
	b, err := store.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return &fault.RowError{File: name, Row: -1, Err: err}
	}
	return nil
}
