package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
	"fragua/pipeline/shard"
	"fragua/pipeline/store"
)

// lines reads raw text files and makes a shard of their lines: one task a file.
type lines struct {
	Files []settings.Path `yaml:"files"`
	Upper bool            `yaml:"upper"`
	world *world
}

// longest drops short rows in a phase of two steps: it sorts ids into a file per
// task, then keeps what an earlier phase listed.
type longest struct {
	Min   int `yaml:"min"`
	world *world
}

// total computes a float in one exclusive task, with a checkpoint.
type total struct {
	Steps int `yaml:"steps"`
	world *world
}

// world is what a test puts around the stages: trouble, and a count of work.
type world struct {
	trouble func(where string) error
	calls   atomic.Int64
	failed  int64
	lose    bool
	version int
}

func (w *world) at(where string) error {
	w.calls.Add(1)
	if w.trouble == nil {
		return nil
	}
	return w.trouble(where)
}

type line struct {
	ID   string `parquet:"id"`
	Text string `parquet:"text"`
}

func (w *world) table() Table {
	return Table{
		"lines":   func() Stage { return &lines{world: w} },
		"longest": func() Stage { return &longest{Min: 5, world: w} },
		"total":   func() Stage { return &total{Steps: 5, world: w} },
	}
}

func (s *lines) Version() int    { return 1 + s.world.version }
func (s *lines) Inputs() []Input { return nil }
func (s *lines) Makes() Kind     { return Documents }
func (s *lines) Reads() ([]RawFile, error) {
	var out []RawFile
	var faults []error
	for i, f := range s.Files {
		if _, err := os.Stat(f.Abs); err != nil {
			faults = append(faults, &fault.Fault{Path: fmt.Sprintf("files[%d]", i), Err: "no file " + f.Written})
		}
		out = append(out, RawFile{Name: f.Written, Path: f.Abs})
	}
	return out, errors.Join(faults...)
}

func (s *lines) Phases() []Phase {
	return []Phase{{Name: "read",
		Tasks: func(ctx context.Context, env *Env) ([]Task, error) {
			files, err := s.Reads()
			var out []Task
			for i, f := range files {
				t, _ := NewTask(fmt.Sprintf("%05d", i), f)
				out = append(out, t)
			}
			return out, err
		},
		Do: func(ctx context.Context, env *Env, t Task) (c Counts, err error) {
			var f RawFile
			if err := json.Unmarshal(t.Part, &f); err != nil {
				return c, err
			}
			if err := s.world.at("read " + t.ID); err != nil {
				return c, err
			}
			b, err := os.ReadFile(f.Path)
			if err != nil {
				return c, err
			}
			rejects, err := shard.Create[failedRow](filepath.Join(env.Out, "rejects", t.ID+".parquet"))
			if err != nil {
				return c, err
			}
			defer rejects.Abort()
			kept, err := shard.Write(filepath.Join(env.Out, "train-"+t.ID+".parquet"), func(yield func(line, error) bool) {
				for i, text := range strings.Split(strings.TrimSpace(string(b)), "\n") {
					c.Read++
					if text == "" {
						c.Drop("empty")
						rejects.Write(failedRow{Path: f.Name, Offset: int64(i), Rule: "empty"})
						continue
					}
					if c.Failed < s.world.failed {
						c.Failed++
						rejects.Write(failedRow{f.Name, int64(i), "made to fail", "error"})
						continue
					}
					c.Kept++
					if s.Upper {
						text = strings.ToUpper(text)
					}
					if !yield(line{fmt.Sprintf("%s#%d", f.Name, i), text}, nil) {
						return
					}
					env.Progress.Advance(1)
				}
			})
			if err != nil {
				return c, err
			}
			dropped, err := rejects.Close()
			if s.world.lose {
				c.Kept--
			}
			c.Shards = []shard.File{kept, dropped}
			return c, errors.Join(err, s.world.at("written "+t.ID))
		}}}
}

func (s *longest) Version() int    { return 1 }
func (s *longest) Inputs() []Input { return []Input{{Name: "documents", Kind: Documents, Many: true}} }
func (s *longest) Makes() Kind     { return Documents }
func (s *longest) Check() []fault.Fault {
	if s.Min < 0 {
		return []fault.Fault{{Path: "min", Err: "min is negative", Hint: "take 0 or more"}}
	}
	return nil
}
func (s *longest) Phases() []Phase {
	perShard := func(ctx context.Context, env *Env) ([]Task, error) {
		var out []Task
		for _, d := range env.In["documents"] {
			for _, f := range d.Files("train-*.parquet") {
				t, _ := NewTask(fmt.Sprintf("%s-%s", d.Manifest.Stage, filepath.Base(f)), [2]string{d.Manifest.Stage, filepath.Base(f)})
				out = append(out, t)
			}
		}
		return out, nil
	}
	open := func(env *Env, t Task) string {
		var part [2]string
		json.Unmarshal(t.Part, &part)
		for _, d := range env.In["documents"] {
			if d.Manifest.Stage == part[0] {
				return d.File(part[1])
			}
		}
		return ""
	}
	return []Phase{
		{Name: "mark", Tasks: perShard, Do: func(ctx context.Context, env *Env, t Task) (c Counts, err error) {
			if err := s.world.at("mark " + t.ID); err != nil {
				return c, err
			}
			return c, store.WriteFile(filepath.Join(env.Out, "keep.txt"), func(w io.Writer) error {
				for row, err := range shard.Read[line](open(env, t)) {
					if err != nil {
						return err
					}
					c.Read++
					c.Kept++
					if len(row.Text) >= s.Min {
						fmt.Fprintln(w, row.ID)
					}
				}
				return nil
			})
		}},
		{Name: "keep", Tasks: perShard, Do: func(ctx context.Context, env *Env, t Task) (c Counts, err error) {
			if err := s.world.at("keep " + t.ID); err != nil {
				return c, err
			}
			keep := map[string]bool{}
			for _, d := range env.Phase("mark") {
				b, err := store.ReadFile(d.File("keep.txt"))
				if err != nil {
					return c, err
				}
				for _, id := range strings.Fields(string(b)) {
					keep[id] = true
				}
			}
			written, err := shard.Write(filepath.Join(env.Out, strings.ReplaceAll("train-"+t.ID, ".parquet", "")+".parquet"), func(yield func(line, error) bool) {
				for row, err := range shard.Read[line](open(env, t)) {
					c.Read++
					if err == nil && !keep[row.ID] {
						c.Drop("short")
						continue
					}
					c.Kept++
					if !yield(row, err) {
						return
					}
				}
			})
			c.Shards = []shard.File{written}
			return c, errors.Join(err, s.world.at("kept "+t.ID))
		}},
	}
}

func (s *total) Version() int      { return 1 }
func (s *total) Inputs() []Input   { return []Input{{Name: "documents", Kind: Documents}} }
func (s *total) Makes() Kind       { return Model }
func (s *total) Precision() string { return "f32" }
func (s *total) Phases() []Phase {
	return []Phase{{Name: "train", Exclusive: true,
		Tasks: func(context.Context, *Env) ([]Task, error) { return []Task{{ID: "train"}}, nil },
		Do: func(ctx context.Context, env *Env, t Task) (c Counts, err error) {
			var state struct {
				Step int
				Sum  float64
			}
			checkpoint := filepath.Join(env.Scratch, "state.json")
			if b, err := os.ReadFile(checkpoint); err == nil {
				json.Unmarshal(b, &state)
			}
			rows := 0.0
			for _, f := range env.One("documents").Files("train-*.parquet") {
				n, err := shard.Rows(f)
				if err != nil {
					return c, err
				}
				rows += float64(n)
			}
			env.Progress.Expect(int64(s.Steps), "steps")
			for ; state.Step < s.Steps; state.Step++ {
				state.Sum += rows / float64(state.Step+1)
				after := state
				after.Step++
				if err := writeJSONFile(checkpoint, after); err != nil {
					return c, err
				}
				env.Progress.Say(fmt.Sprintf("step %d", state.Step))
				if err := errors.Join(ctx.Err(), s.world.at(fmt.Sprintf("step %d", state.Step))); err != nil {
					return c, err
				}
			}
			return c, os.WriteFile(filepath.Join(env.Out, "model.json"), fmt.Appendf(nil, "%v on %d cores is not written\n", state.Sum, 0), 0o666)
		}}}
}

const roadYAML = `
seed: 7
stages:
  - {name: text, use: lines, with: {files: [a.txt, b.txt, c.txt, d.txt]}}
  - {name: long, use: longest, with: {min: 8}}
  - {name: model, use: total, with: {steps: 4}}
`

// rawFiles writes four small files and returns their folder.
func rawFiles(t testing.TB) string {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(5, 6))
	for _, name := range []string{"a", "b", "c", "d"} {
		var b strings.Builder
		for range 40 {
			if r.IntN(10) > 0 {
				b.WriteString(strings.Repeat("word ", 1+r.IntN(4)))
			}
			b.WriteByte('\n')
		}
		b.WriteString("end")
		if err := os.WriteFile(filepath.Join(dir, name+".txt"), []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-time.Hour)
		os.Chtimes(filepath.Join(dir, name+".txt"), old, old)
	}
	return dir
}

func parse(t testing.TB, w *world, dir, src string, sets ...string) *Config {
	t.Helper()
	c, err := Parse("road.yaml", []byte(src), dir, w.table(), sets)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sums are the checksums of all that a run made: file → checksum.
func sums(t testing.TB, out string) map[string]string {
	t.Helper()
	all := map[string]string{}
	stages, _ := filepath.Glob(filepath.Join(out, "*", ManifestName))
	for _, name := range stages {
		m, err := ReadManifest(filepath.Dir(name))
		if err != nil {
			t.Fatal(err)
		}
		if err := (Dir{filepath.Dir(name), m}).Verify(); err != nil {
			t.Fatal(err)
		}
		_, sum, err := store.HashFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[m.Stage] = sum // the manifest holds those of the files
		files, err := collect(filepath.Dir(name), nil)
		if err == nil || !strings.Contains(err.Error(), ManifestName) {
			t.Fatalf("%v: a stage's folder without manifest? %v", files, err)
		}
	}
	return all
}

func ran(res *Result) []string {
	var names []string
	for _, s := range res.Stages {
		if !s.Cached {
			names = append(names, s.Name)
		}
	}
	return names
}
