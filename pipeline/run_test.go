package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// lines reads raw text files and makes a shard of their lines: one task a file.
type lines struct {
	Files []Path `yaml:"files"`
	Upper bool   `yaml:"upper"`
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
			faults = append(faults, &Fault{Path: fmt.Sprintf("files[%d]", i), Err: "no file " + f.Written})
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
			rejects, err := CreateShard[failedRow](filepath.Join(env.Out, "rejects", t.ID+".parquet"))
			if err != nil {
				return c, err
			}
			defer rejects.Abort()
			kept, err := WriteShard(filepath.Join(env.Out, "train-"+t.ID+".parquet"), func(yield func(line, error) bool) {
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
			c.Shards = []Shard{kept, dropped}
			return c, errors.Join(err, s.world.at("written "+t.ID))
		}}}
}

func (s *longest) Version() int    { return 1 }
func (s *longest) Inputs() []Input { return []Input{{Name: "documents", Kind: Documents, Many: true}} }
func (s *longest) Makes() Kind     { return Documents }
func (s *longest) Check() []Fault {
	if s.Min < 0 {
		return []Fault{{"min", "min is negative", "take 0 or more"}}
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
			return c, WriteFile(filepath.Join(env.Out, "keep.txt"), func(w io.Writer) error {
				for row, err := range ReadShard[line](open(env, t)) {
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
				b, err := os.ReadFile(filepath.Join(d.Dir, "keep.txt"))
				if err != nil {
					return c, err
				}
				for _, id := range strings.Fields(string(b)) {
					keep[id] = true
				}
			}
			shard, err := WriteShard(filepath.Join(env.Out, strings.ReplaceAll("train-"+t.ID, ".parquet", "")+".parquet"), func(yield func(line, error) bool) {
				for row, err := range ReadShard[line](open(env, t)) {
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
			c.Shards = []Shard{shard}
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
				n, err := ShardRows(f)
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
		_, sum, err := hashFile(name)
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

func TestRunSkipsAndReruns(t *testing.T) {
	w := &world{}
	dir, out := rawFiles(t), filepath.Join(t.TempDir(), "runs", "road")
	run := func(o Options, sets ...string) ([]string, *Result) {
		t.Helper()
		o.Out = out
		if o.CPU == "" {
			o.CPU = "avx2"
		}
		res, err := Run(t.Context(), parse(t, w, dir, roadYAML, sets...), o)
		if err != nil {
			t.Fatal(err)
		}
		return ran(res), res
	}
	check := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: ran %v, want %v", what, got, want)
		}
	}
	got, res := run(Options{})
	check("first", got, "text", "long", "model")
	first := sums(t, out)
	m := res.Stages[0].Dir.Manifest
	if m.Counts.Read != m.Counts.Kept+m.Counts.Dropped["empty"] || m.Counts.Read < 160 || len(m.Shards) != 8 {
		t.Errorf("manifest of text: %+v", m)
	}
	if m := res.Stages[1].Dir.Manifest; len(m.Phases) != 1 || m.Phases[0].Phase != "mark" || m.Counts.Dropped["short"] == 0 || m.Counts.Read != res.Stages[0].Dir.Manifest.Counts.Kept {
		t.Errorf("manifest of long: %+v", m)
	}
	calls := w.calls.Load()
	began := time.Now()
	got, _ = run(Options{})
	check("second", got)
	if w.calls.Load() != calls || time.Since(began) > 2*time.Second {
		t.Errorf("the second run worked: %d calls, %v", w.calls.Load()-calls, time.Since(began))
	}
	got, _ = run(Options{Workers: 8})
	check("other workers", got)

	plan, err := Plan(t.Context(), parse(t, w, dir, roadYAML, "long.min=9"), Options{Out: out, CPU: "avx2"})
	if err != nil {
		t.Fatal(err)
	}
	var why []string
	for _, p := range plan {
		why = append(why, p.Why)
	}
	if want := []string{"nothing changed", "settings changed: min is 9, was 8", "its input long changed"}; !slices.Equal(why, want) {
		t.Errorf("plan: %q, want %q", why, want)
	}
	if after := sums(t, out); !maps.Equal(first, after) {
		t.Error("Plan changed something")
	}
	got, _ = run(Options{}, "long.min=9")
	check("settings", got, "long", "model")
	got, _ = run(Options{}, "long.min=8")
	check("settings back", got, "long", "model")
	if after := sums(t, out); !maps.Equal(first, after) {
		t.Errorf("other bytes: %v, were %v", after, first)
	}
	got, _ = run(Options{CPU: "plain"})
	check("cpu", got, "model")
	run(Options{})
	got, _ = run(Options{Limit: 3})
	check("limit", got, "text", "long", "model")
	run(Options{})
	got, _ = run(Options{}, "seed=8")
	check("seed", got, "text", "long", "model")
	run(Options{})
	got, _ = run(Options{Force: true})
	check("force", got, "text", "long", "model")
	got, _ = run(Options{Force: true, Only: []string{"long"}})
	check("force one", got, "long")
	w.version++
	got, _ = run(Options{})
	check("version", got, "text", "long", "model")
	w.version--
	run(Options{})

	// A raw file that is touched, but the same, changes nothing; one letter does.
	b := filepath.Join(dir, "b.txt")
	os.Chtimes(b, time.Now(), time.Now())
	got, _ = run(Options{})
	check("touched", got)
	raw, _ := os.ReadFile(b)
	raw[0] ^= 1
	if err := os.WriteFile(b, raw, 0o666); err != nil {
		t.Fatal(err)
	}
	plan, err = Plan(t.Context(), parse(t, w, dir, roadYAML), Options{Out: out, CPU: "avx2"})
	if err != nil || plan[0].Why != "a raw file changed: b.txt" {
		t.Errorf("plan after an edit: %+v, %v", plan[0], err)
	}
	got, _ = run(Options{})
	check("edited", got, "text", "long", "model")

	// A result that lost a file is not whole.
	if err := os.Remove(filepath.Join(out, "long", "train-text-train-00000.parquet")); err != nil {
		t.Fatal(err)
	}
	got, _ = run(Options{})
	check("lost file", got, "long")
	if left, _ := os.ReadDir(filepath.Join(out, stateDir, "work")); len(left) > 0 {
		t.Errorf("work left behind: %v", left)
	}
}

func TestOnly(t *testing.T) {
	w := &world{}
	dir, out := rawFiles(t), t.TempDir()
	c := parse(t, w, dir, roadYAML)
	_, err := Run(t.Context(), c, Options{Out: out, Only: []string{"long"}})
	var usage *UsageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "its input text is not at hand: never run") {
		t.Errorf("missing input: %v", err)
	}
	res, err := Run(t.Context(), c, Options{Out: out, Only: []string{"text", "long"}})
	if err != nil || !slices.Equal(ran(res), []string{"text", "long"}) {
		t.Errorf("%v, %v", res, err)
	}
	if _, err := os.Stat(filepath.Join(out, "model")); err == nil {
		t.Error("model ran too")
	}
	if _, err := Run(t.Context(), c, Options{Out: out, Only: []string{"lonh"}}); err == nil || !strings.Contains(hintOf(err), `"long"`) {
		t.Errorf("unknown stage: %v (%s)", err, hintOf(err))
	}
}

func hintOf(err error) string {
	var h *Hint
	if errors.As(err, &h) {
		return h.Fix
	}
	return ""
}

// errBroken stands for kill -9: nothing cleans up after it.
var errBroken = errors.New("broken off")

// broken breaks a run at its nth opportunity, in tasks or in the engine.
func broken(t *testing.T, c *Config, w *world, o Options, nth int64, how string) (wasBroken bool) {
	t.Helper()
	var n atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	trouble := func(where string) error {
		if n.Add(1) != nth {
			return nil
		}
		switch how {
		case "panic":
			panic(errBroken)
		case "cancel":
			cancel()
			return ctx.Err()
		}
		return errBroken
	}
	w.trouble = trouble
	defer func() { w.trouble = nil }()
	r, err := newRun(c, o)
	if err != nil {
		t.Fatal(err)
	}
	if how == "engine" {
		w.trouble = nil
		r.step = trouble
	}
	_, err = r.do(ctx)
	switch {
	case err == nil:
		return false
	case how == "cancel" && !errors.Is(err, context.Canceled), how != "cancel" && !errors.Is(err, errBroken):
		t.Fatalf("%s at %d: %v", how, nth, err)
	}
	return true
}

// However often and wherever a run is broken off, the run that comes through
// leaves the bytes of one that was never disturbed.
func TestResume(t *testing.T) {
	t.Parallel()
	dir := rawFiles(t)
	whole := t.TempDir()
	if _, err := Run(t.Context(), parse(t, &world{}, dir, roadYAML), Options{Out: whole, Workers: 3, CPU: "avx2"}); err != nil {
		t.Fatal(err)
	}
	want := sums(t, whole)
	for _, workers := range []int{1, 8} {
		for _, how := range []string{"error", "panic", "cancel", "engine"} {
			t.Run(fmt.Sprintf("%s-%d", how, workers), func(t *testing.T) {
				t.Parallel() // most of the time goes into waiting for the disk
				w := &world{}
				c := parse(t, w, dir, roadYAML)
				o := Options{Out: t.TempDir(), Workers: workers, CPU: "avx2"}
				// Every place once, going on from what the last break left.
				breaks := 0
				for nth := int64(1); broken(t, c, w, o, nth, how); nth++ {
					breaks++
				}
				if got := sums(t, o.Out); !maps.Equal(got, want) {
					t.Errorf("after %d breaks: %v, want %v", breaks, got, want)
				}
				if breaks < 3 {
					t.Errorf("only %d breaks", breaks)
				}
				// One place alone.
				o.Out = t.TempDir()
				broken(t, c, w, o, 1+rand.New(rand.NewPCG(uint64(workers), 1)).Int64N(30), how)
				if _, err := Run(t.Context(), c, o); err != nil {
					t.Fatal(err)
				}
				if got := sums(t, o.Out); !maps.Equal(got, want) {
					t.Errorf("%v, want %v", got, want)
				}
			})
		}
	}
}

// At every step of a re-run the folder of a stage holds the old result or the
// new one, whole; between the two renames it may be missing, and comes back.
func TestSwapIsCrashSafe(t *testing.T) {
	t.Parallel()
	dir := rawFiles(t)
	w := &world{}
	const shortRoad = "stages:\n- {name: text, use: lines, with: {files: [a.txt, b.txt]}}\n- {name: long, use: longest}\n"
	first := parse(t, w, dir, shortRoad)
	second := parse(t, w, dir, shortRoad, "text.upper=true")
	a, b := t.TempDir(), t.TempDir()
	for out, c := range map[string]*Config{a: first, b: second} {
		if _, err := Run(t.Context(), c, Options{Out: out}); err != nil {
			t.Fatal(err)
		}
	}
	before, after := sums(t, a), sums(t, b)
	for nth := int64(1); ; nth++ {
		out := t.TempDir()
		o := Options{Out: out}
		if _, err := Run(t.Context(), first, o); err != nil {
			t.Fatal(err)
		}
		wasBroken := broken(t, second, w, o, nth, "engine")
		for name, sum := range sums(t, out) {
			if sum != before[name] && sum != after[name] {
				t.Fatalf("break %d: %s is neither the old nor the new result", nth, name)
			}
		}
		// Whoever comes next may want the old settings or the new ones.
		if nth%2 == 0 {
			if _, err := Run(t.Context(), first, o); err != nil {
				t.Fatalf("break %d: %v", nth, err)
			}
			if got := sums(t, out); !maps.Equal(got, before) {
				t.Fatalf("break %d, old settings: %v, want %v", nth, got, before)
			}
		}
		if _, err := Run(t.Context(), second, o); err != nil {
			t.Fatalf("break %d: %v", nth, err)
		}
		if got := sums(t, out); !maps.Equal(got, after) {
			t.Fatalf("break %d: %v, want %v", nth, got, after)
		}
		if left, _ := os.ReadDir(filepath.Join(out, stateDir, "old")); len(left) > 0 {
			t.Fatalf("break %d: left behind: %v", nth, left)
		}
		if !wasBroken {
			if nth < 15 {
				t.Errorf("only %d steps", nth)
			}
			return
		}
	}
}

// A damaged file of a finished task is noticed, and the task done again.
func TestResumeVerifiesRecords(t *testing.T) {
	dir := rawFiles(t)
	w := &world{}
	c := parse(t, w, dir, roadYAML)
	o := Options{Out: t.TempDir(), Workers: 1}
	w.trouble = func(where string) error {
		if where == "read 00002" {
			return errBroken
		}
		return nil
	}
	if _, err := Run(t.Context(), c, o); !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "stage text: read 00002") {
		t.Fatal(err)
	}
	plan, err := Plan(t.Context(), c, o)
	if err != nil || plan[0].Why != "interrupted: 2 of 4 tasks done" {
		t.Errorf("plan: %+v, %v", plan, err)
	}
	hurt, _ := filepath.Glob(filepath.Join(o.Out, stateDir, "work", "text.*", "0-read", "done", "00001", "train-*"))
	if len(hurt) != 1 {
		t.Fatalf("%v", hurt)
	}
	raw, _ := os.ReadFile(hurt[0])
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(hurt[0], raw, 0o666); err != nil {
		t.Fatal(err)
	}
	var done []string
	w.trouble = func(where string) error { done = append(done, where); return nil }
	res, err := Run(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	if res.Stages[0].Why != "interrupted: 2 of 4 tasks done" {
		t.Errorf("why: %s", res.Stages[0].Why)
	}
	if slices.Contains(done, "read 00000") || !slices.Contains(done, "read 00001") || res.Stages[0].Resumed != 1 || res.Stages[0].Tasks != 4 {
		t.Errorf("did %v; %+v", done, res.Stages[0])
	}
}

func TestScratchSurvives(t *testing.T) {
	dir := rawFiles(t)
	w := &world{}
	c := parse(t, w, dir, roadYAML)
	o := Options{Out: t.TempDir(), CPU: "avx512"}
	steps := 0
	w.trouble = func(where string) error {
		if strings.HasPrefix(where, "step") {
			steps++
		}
		if where == "step 2" {
			return errBroken
		}
		return nil
	}
	if _, err := Run(t.Context(), c, o); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	// Another level is refused, unless it is asked for.
	other := o
	other.CPU = "avx2"
	_, err := Run(t.Context(), c, other)
	var usage *UsageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "avx512") || !strings.Contains(hintOf(err), "--other-cpu") {
		t.Errorf("another level: %v (%s)", err, hintOf(err))
	}
	other.OtherCPU = true
	var said []string
	other.Observe = func(e Event) {
		if e.Kind == EventSay {
			said = append(said, e.Line)
		}
	}
	w.trouble = func(where string) error {
		if strings.HasPrefix(where, "step") {
			steps++
		}
		return nil
	}
	if _, err := Run(t.Context(), c, other); err != nil {
		t.Fatal(err)
	}
	if steps != 4 || !slices.Equal(said, []string{"step 3"}) {
		t.Errorf("%d steps, said %v: the checkpoint was not used", steps, said)
	}
}

func TestLock(t *testing.T) {
	dir := rawFiles(t)
	w := &world{}
	c := parse(t, w, dir, roadYAML)
	o := Options{Out: t.TempDir()}
	w.trouble = func(where string) error {
		if where == "read 00000" {
			_, err := Run(t.Context(), c, o)
			var locked *LockedError
			if !errors.As(err, &locked) || locked.PID != os.Getpid() || locked.Since.IsZero() || hintOf(err) == "" {
				t.Errorf("second run: %v", err)
			}
		}
		return nil
	}
	if _, err := Run(t.Context(), c, o); err != nil {
		t.Fatal(err)
	}
	w.trouble = nil
	if _, err := Run(t.Context(), c, o); err != nil {
		t.Errorf("after the lock was released: %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	dir := rawFiles(t)
	w := &world{}
	c := parse(t, w, dir, roadYAML)
	o := Options{Out: t.TempDir(), Workers: 1}
	w.trouble = func(where string) error {
		if where == "written 00002" {
			return &os.PathError{Op: "write", Path: filepath.Join(o.Out, "train-00002.parquet"), Err: syscall.ENOSPC}
		}
		return nil
	}
	_, err := Run(t.Context(), c, o)
	var full *DiskFullError
	if !errors.As(err, &full) || filepath.Base(full.File) != "train-00002.parquet" || full.Free <= 0 || !strings.Contains(hintOf(err), "make room") {
		t.Fatalf("%v (%s)", err, hintOf(err))
	}
	w.trouble = nil
	res, err := Run(t.Context(), c, o)
	if err != nil || res.Stages[0].Resumed != 2 {
		t.Errorf("%+v, %v", res, err)
	}
	err = WriteFile(filepath.Join(o.Out, "x"), func(io.Writer) error { return syscall.ENOSPC })
	if !errors.As(err, &full) || fileExists(filepath.Join(o.Out, "x")) || fileExists(tempName(filepath.Join(o.Out, "x"))) {
		t.Errorf("WriteFile: %v", err)
	}
}

func TestCountsMustAddUp(t *testing.T) {
	dir := rawFiles(t)
	w := &world{lose: true}
	_, err := Run(t.Context(), parse(t, w, dir, roadYAML), Options{Out: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "counts do not add up") {
		t.Error(err)
	}
	w = &world{failed: 2} // 8 of about 160
	o := Options{Out: t.TempDir()}
	_, err = Run(t.Context(), parse(t, w, dir, roadYAML), o)
	if err == nil || !strings.Contains(err.Error(), "8 of 162 rows failed, more than max_failures allows (1 %); one of them: a.txt at 0: made to fail") || !strings.Contains(hintOf(err), "rejects") {
		t.Errorf("%v (%s)", err, hintOf(err))
	}
	calls := w.calls.Load()
	res, err := Run(t.Context(), parse(t, w, dir, roadYAML, "max_failures=0.1"), Options{Out: o.Out, Only: []string{"text"}})
	if err != nil || res.Stages[0].Resumed != 4 || w.calls.Load() != calls {
		t.Errorf("with a higher limit: %+v, %v", res, err)
	}
}

// A manifest that cannot be ours is no result: the stage runs again.
func TestEditedManifest(t *testing.T) {
	w := &world{}
	c := parse(t, w, rawFiles(t), roadYAML)
	o := Options{Out: t.TempDir()}
	if _, err := Run(t.Context(), c, o); err != nil {
		t.Fatal(err)
	}
	want := sums(t, o.Out)
	name := filepath.Join(o.Out, "text", ManifestName)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for what, content := range map[string]string{
		"empty": "", "no object": "[1]", "no key": "{}",
		"counts":  strings.Replace(string(whole), `"kept": `, `"kept": 9`, 1),
		"outside": strings.Replace(string(whole), `"name": "`, `"name": "../`, 1),
	} {
		if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		res, err := Run(t.Context(), c, o)
		if err != nil || res.Stages[0].Cached || !maps.Equal(sums(t, o.Out), want) {
			t.Errorf("%s: %+v, %v", what, res, err)
		}
	}
}

// A folder that cannot be made is told with a remedy.
func TestUnwritableOut(t *testing.T) {
	dir := rawFiles(t)
	_, err := Run(t.Context(), parse(t, &world{}, dir, roadYAML), Options{Out: filepath.Join(dir, "a.txt")})
	if err == nil || !strings.Contains(err.Error(), "cannot be written") || !strings.Contains(hintOf(err), "--out") {
		t.Errorf("%v (%s)", err, hintOf(err))
	}
}

func TestPanicNamesTheTask(t *testing.T) {
	dir := rawFiles(t)
	w := &world{trouble: func(where string) error {
		if where == "read 00003" {
			var none []int
			_ = none[len(where)]
		}
		return nil
	}}
	_, err := Run(t.Context(), parse(t, w, dir, roadYAML), Options{Out: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "stage text: read 00003: panic: runtime error: index out of range") || !strings.Contains(err.Error(), "run_test.go:") {
		t.Error(err)
	}
}

func TestFoldersThatAreNotOurs(t *testing.T) {
	dir, out := rawFiles(t), t.TempDir()
	if err := WriteFile(filepath.Join(out, "text", "novel.txt"), func(w io.Writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
	_, err := Run(t.Context(), parse(t, &world{}, dir, roadYAML), Options{Out: out})
	if err == nil || !strings.Contains(err.Error(), "is not ours") {
		t.Errorf("%v", err)
	}
}

func TestOpenRun(t *testing.T) {
	dir, out := rawFiles(t), t.TempDir()
	w := &world{}
	c := parse(t, w, dir, roadYAML, "long.min=3")
	if _, err := Run(t.Context(), c, Options{Out: out, Program: "fragua test", CPU: "plain"}); err != nil {
		t.Fatal(err)
	}
	d, err := OpenRun(out)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Stages) != 3 || d.Stages[2].Manifest.Kind != Model || d.Info.Program != "fragua test" || d.Info.Ended.IsZero() || d.Took("text") <= 0 {
		t.Errorf("%+v", d)
	}
	if s, ok := d.Stage("long"); !ok || len(s.Files("train-*.parquet")) != 4 {
		t.Errorf("long: %+v", s)
	}
	again, err := d.Config(w.table())
	if err != nil || string(again.ResolvedYAML()) != string(c.ResolvedYAML()) {
		t.Errorf("%v\n%s", err, again.ResolvedYAML())
	}
	res, err := Run(t.Context(), again, Options{Out: out, CPU: "plain"})
	if err != nil || len(ran(res)) != 0 {
		t.Errorf("the resolved configuration ran %v, %v", ran(res), err)
	}
	// Another run reads a finished stage by its folder.
	other := parse(t, w, dir, "stages:\n - {name: short, use: longest, from: ["+filepath.ToSlash(filepath.Join(out, "text"))+"]}\n")
	if _, err := Run(t.Context(), other, Options{Out: t.TempDir()}); err != nil {
		t.Error(err)
	}
	if _, err := OpenRun(dir); err == nil || hintOf(err) == "" {
		t.Errorf("no run: %v", err)
	}
}

// Nothing that a stage leaves tells when, where or by how many it was made.
func TestManifestsAreImpersonal(t *testing.T) {
	dir, out := rawFiles(t), t.TempDir()
	if _, err := Run(t.Context(), parse(t, &world{}, dir, roadYAML), Options{Out: out, Workers: 5}); err != nil {
		t.Fatal(err)
	}
	host, _ := os.Hostname()
	for _, stage := range []string{"text", "long", "model"} {
		b, err := os.ReadFile(filepath.Join(out, stage, ManifestName))
		if err != nil {
			t.Fatal(err)
		}
		for _, personal := range []string{dir, out, host, time.Now().Format("2006-01")} {
			if personal != "" && strings.Contains(string(b), personal) {
				t.Errorf("manifest of %s holds %q", stage, personal)
			}
		}
	}
}
