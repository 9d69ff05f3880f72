package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fragua/pipeline/shard"
)

// probe is a stage whose tasks a test writes on the spot.
type probe struct {
	Level int `yaml:"level"`
	tasks []Task
	list  func(*Env) ([]Task, error)
	do    func(context.Context, *Env, Task) (Counts, error)
	alone bool
}

func (*probe) Version() int    { return 1 }
func (*probe) Inputs() []Input { return nil }
func (*probe) Makes() Kind     { return Predictions }
func (p *probe) Phases() []Phase {
	return []Phase{{Name: "probe", Exclusive: p.alone,
		Tasks: func(_ context.Context, env *Env) ([]Task, error) {
			if p.list != nil {
				return p.list(env)
			}
			return p.tasks, nil
		},
		Do: p.do}}
}

func (p *probe) Estimate(env *Env) (Estimate, error) {
	return Estimate{Time: time.Minute, Memory: int64(env.Workers), Note: "a guess"}, nil
}

func (p *probe) config(t *testing.T, sets ...string) *Config {
	t.Helper()
	table := Table{"probe": func() Stage { c := *p; return &c }}
	c, err := Parse("p.yaml", []byte("stages: [{name: p, use: probe}]"), ".", table, sets)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func put(env *Env, name, content string) error {
	name = filepath.Join(env.Out, filepath.FromSlash(name))
	return errors.Join(os.MkdirAll(filepath.Dir(name), 0o777), os.WriteFile(name, []byte(content), 0o666))
}

func twoTasks() []Task { return []Task{{ID: "a"}, {ID: "b"}} }

func TestTasksThatAreRefused(t *testing.T) {
	ok := func(context.Context, *Env, Task) (Counts, error) { return Counts{}, nil }
	tests := []struct {
		name  string
		probe probe
		want  string
	}{
		{"none", probe{do: ok}, "stage p: probe: there is nothing to do"},
		{"no name", probe{do: ok, tasks: []Task{{}}}, `"" cannot name a task`},
		{"slash", probe{do: ok, tasks: []Task{{ID: "../x"}}}, `"../x" cannot name a task`},
		{"hidden", probe{do: ok, tasks: []Task{{ID: ".x"}}}, `".x" cannot name a task`},
		{"twice", probe{do: ok, tasks: []Task{{ID: "a"}, {ID: "a"}}}, `two tasks are named "a"`},
		{"list fails", probe{do: ok, list: func(*Env) ([]Task, error) { return nil, errors.New("no list") }}, "stage p: probe: listing tasks: no list"},
		{"list panics", probe{do: ok, list: func(*Env) ([]Task, error) { panic("oh") }}, "stage p: probe: listing tasks: panic: oh at pipeline/phase_test.go:"},
		{"one file by two", probe{tasks: twoTasks(), do: func(_ context.Context, env *Env, t Task) (Counts, error) {
			return Counts{}, put(env, "sub/same.txt", t.ID)
		}}, "two tasks wrote sub/same.txt: a and b"},
		{"manifest", probe{tasks: twoTasks(), do: func(_ context.Context, env *Env, t Task) (Counts, error) {
			return Counts{}, put(env, ManifestName, "{}")
		}}, "which only the engine may"},
		{"link", probe{tasks: twoTasks(), do: func(_ context.Context, env *Env, t Task) (Counts, error) {
			return Counts{}, os.Symlink("/etc/passwd", filepath.Join(env.Out, "x"))
		}}, "is no regular file"},
		{"shard that is not there", probe{tasks: twoTasks(), do: func(_ context.Context, env *Env, t Task) (Counts, error) {
			return Counts{Shards: []shard.File{{Name: filepath.Join(env.Out, "x.parquet")}}}, nil
		}}, "shard x.parquet was counted, but it is not there"},
		{"shard elsewhere", probe{tasks: twoTasks(), do: func(_ context.Context, env *Env, t Task) (Counts, error) {
			return Counts{Shards: []shard.File{{Name: filepath.Join(env.Scratch, "x.parquet")}}}, nil
		}}, "was written outside the task's folder"},
		{"no Parquet", probe{tasks: twoTasks(), do: func(_ context.Context, env *Env, t Task) (Counts, error) {
			return Counts{}, put(env, t.ID+".parquet", "words")
		}}, "not a whole Parquet file"},
	}
	for _, tt := range tests {
		_, err := Run(t.Context(), tt.probe.config(t), Options{Out: t.TempDir(), Workers: 1})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestEnvOfTasks(t *testing.T) {
	for _, alone := range []bool{false, true} {
		var running, most atomic.Int64
		p := &probe{alone: alone, tasks: []Task{{ID: "a"}, {ID: "b"}, {ID: "c"}, {ID: "d"}}}
		p.do = func(_ context.Context, env *Env, task Task) (Counts, error) {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			time.Sleep(5 * time.Millisecond)
			want := 1
			if alone {
				want = 3
			}
			if env.Workers != want || env.Seed != 9 || env.CPU != "avx2" || env.Limit != 7 || env.Log == nil {
				t.Errorf("env: %+v", env)
			}
			if err := put(env, ".hidden", "x"); err != nil {
				return Counts{}, err
			}
			if err := put(env, ".cache/x", "x"); err != nil {
				return Counts{}, err
			}
			return Counts{}, put(env, task.ID+".txt", task.ID)
		}
		res, err := Run(t.Context(), p.config(t, "seed=9"), Options{Out: t.TempDir(), Workers: 3, CPU: "avx2", Limit: 7})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(res.Stages[0].Dir.Manifest.Shards); n != 4 {
			t.Errorf("%d files, want 4: leftovers are no output", n)
		}
		if m := most.Load(); m > 3 || alone && m != 1 {
			t.Errorf("exclusive %v: %d tasks at a time", alone, m)
		}
		// Verify names every file that is not as it was written.
		d := res.Stages[0].Dir
		if err := d.Verify(); err != nil {
			t.Error(err)
		}
		os.WriteFile(d.File("a.txt"), []byte("A"), 0o666)
		os.WriteFile(d.File("b.txt"), []byte("longer"), 0o666)
		os.Remove(d.File("c.txt"))
		err = d.Verify()
		if err == nil {
			t.Fatal("nothing noticed")
		}
		for _, want := range []string{"a.txt: its content changed", "b.txt: it has 6 bytes, but 1 were written", "c.txt: no such file"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v\nlacks %q", err, want)
			}
		}
	}
}

func TestEvents(t *testing.T) {
	p := &probe{tasks: twoTasks()}
	p.do = func(_ context.Context, env *Env, task Task) (Counts, error) {
		env.Progress.Expect(10, "steps")
		env.Progress.Advance(4)
		env.Progress.Say("hello " + task.ID)
		env.Progress.Advance(6)
		return Counts{Read: 1, Kept: 1}, put(env, task.ID, "")
	}
	out := t.TempDir()
	var got []string
	var meter *Meter
	o := Options{Out: out, Workers: 1, Observe: func(e Event) {
		got = append(got, fmt.Sprintf("%s %s%s%s %d/%d", e.Kind, e.Stage, e.Phase, e.Line, e.Position, e.Stages))
		if e.Meter != nil {
			meter = e.Meter
		}
	}}
	for range 2 {
		if _, err := Run(t.Context(), p.config(t), o); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"stage p 1/1", "phase pprobe 1/1", "say pprobehello a 1/1", "say pprobehello b 1/1", "done p 1/1", "skip p 1/1"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if r := meter.Read(); r != (Reading{Done: 20, Total: 20, Unit: "steps", TasksDone: 2, TasksIn: 2, Share: 1}) {
		t.Errorf("%+v", r)
	}
}

func TestPlanEstimates(t *testing.T) {
	p := &probe{tasks: twoTasks()}
	plan, err := Plan(t.Context(), p.config(t), Options{Out: t.TempDir(), Workers: 5})
	if err != nil {
		t.Fatal(err)
	}
	if e := plan[0].Estimate; e == nil || e.Time != time.Minute || e.Memory != 5 {
		t.Errorf("%+v", plan[0])
	}
}

// The first failure stops the others, and is the one that is told.
func TestFirstErrorWins(t *testing.T) {
	boom := errors.New("boom")
	p := &probe{}
	for i := range 50 {
		p.tasks = append(p.tasks, Task{ID: fmt.Sprint(i)})
	}
	var began atomic.Int64
	p.do = func(ctx context.Context, env *Env, task Task) (Counts, error) {
		began.Add(1)
		if task.ID == "3" {
			return Counts{}, boom
		}
		if began.Load() > 3 {
			<-ctx.Done()
			return Counts{}, ctx.Err()
		}
		return Counts{}, nil
	}
	_, err := Run(t.Context(), p.config(t), Options{Out: t.TempDir(), Workers: 4})
	if !errors.Is(err, boom) || errors.Is(err, context.Canceled) || began.Load() > 10 {
		t.Errorf("%v after %d tasks", err, began.Load())
	}
}
