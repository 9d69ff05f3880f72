package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"fragua/pipeline/cluster"
	"fragua/pipeline/store"
	"fragua/pipeline/store/s3test"
)

// workerMain is the test binary as a worker, as `fragua work` is one.
func workerMain(args []string) int {
	w := &world{}
	die, _ := strconv.ParseInt(os.Getenv("DIE_AT"), 10, 64)
	w.trouble = func(where string) error {
		if where == os.Getenv("FAIL_AT") {
			return errors.New("made to fail")
		}
		if w.calls.Load() == die {
			self, _ := os.FindProcess(os.Getpid())
			self.Kill()
			select {}
		}
		return nil
	}
	f, err := os.OpenFile(os.Getenv("JOURNAL"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		panic(err)
	}
	worker := Worker{Out: args[0], Table: w.table(), Log: slog.New(slog.NewJSONHandler(f, nil))}
	flags := flag.NewFlagSet("work", flag.PanicOnError)
	flags.StringVar(&worker.Phase, "phase", "", "")
	flags.IntVar(&worker.Shards, "shards", 1, "")
	flags.IntVar(&worker.Workers, "workers", 1, "")
	flags.Parse(args[1:])
	worker.Shard, _, _ = cluster.Index()
	if err := worker.Work(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// processes is a scheduler whose machines are processes. It kills some of them.
type processes struct {
	mu      sync.Mutex
	jobs    map[string]int // how many of its processes have not ended
	n       int
	rng     *rand.Rand
	kills   int    // that are left
	die     func() // ends the coordinator, now and then
	env     []string
	most    int
	batches []cluster.Batch
}

func (p *processes) Submit(_ context.Context, b cluster.Batch) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	job := fmt.Sprint("job", p.n)
	p.jobs[job] = len(b.Indices)
	p.batches = append(p.batches, b)
	for _, i := range b.Indices {
		cmd := exec.Command(b.Command[0], b.Command[1:]...)
		cmd.Env = append(os.Environ(), append(p.env, "SLURM_ARRAY_TASK_ID="+strconv.Itoa(i))...)
		if p.kills > 0 && p.rng.IntN(2) == 0 {
			p.kills--
			cmd.Env = append(cmd.Env, fmt.Sprint("DIE_AT=", 1+p.rng.IntN(2))) // before a task's files are written, or after
		}
		go func() {
			cmd.Run()
			p.mu.Lock()
			p.jobs[job]--
			p.mu.Unlock()
		}()
	}
	if p.die != nil && p.n%3 == 2 {
		p.die()
	}
	return job, nil
}

func (p *processes) Active(_ context.Context, job string) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.jobs[job], nil
}
func (p *processes) Cancel(context.Context, string) error { return nil }
func (p *processes) Script(cluster.Batch) string          { return "" }
func (p *processes) Log(_ cluster.Batch, job string, index int) string {
	return fmt.Sprint("log of ", job, index)
}
func (p *processes) Most(context.Context) (int, error) { return p.most, nil }

// clusterRun runs a configuration on processes.
func clusterRun(t *testing.T, ctx context.Context, c *Config, o Options, p *processes) error {
	t.Helper()
	r, err := newRun(c, o)
	if err != nil {
		t.Fatal(err)
	}
	s := cluster.Default()
	s.Visible = 50 * time.Millisecond
	r.cluster = &coordinator{s, p}
	for {
		_, err = r.do(ctx)
		var locked *LockedError // by a child of this process that has not become a worker yet
		if !errors.As(err, &locked) {
			return err
		}
	}
}

func newProcesses(t *testing.T, kills int) (*processes, string) {
	journal := filepath.Join(t.TempDir(), "journal")
	return &processes{jobs: map[string]int{}, rng: rand.New(rand.NewPCG(4, 5)), kills: kills, most: 3, env: []string{"JOURNAL=" + journal}}, journal
}

// again lists the tasks of a journal that were begun after they were done.
func again(t *testing.T, journal string) (tasks []string, attempts int) {
	t.Helper()
	b, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	done := map[string]bool{}
	for _, l := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		var e struct{ Msg, Stage, Phase, Task string }
		if err := json.Unmarshal([]byte(l), &e); err != nil {
			continue // a process was killed while it wrote
		}
		name := e.Stage + " " + e.Phase + " " + e.Task
		switch e.Msg {
		case "begun":
			if attempts++; done[name] {
				tasks = append(tasks, name)
			}
		case "done":
			done[name] = true
		}
	}
	return tasks, attempts
}

// TestCluster: workers are killed, the coordinator too, and the result has the bytes of
// one machine; no task that was done is begun again. In a folder that machines share,
// and in a bucket.
func TestCluster(t *testing.T) {
	dir, whole := rawFiles(t), t.TempDir()
	if _, err := Run(t.Context(), parse(t, &world{}, dir, roadYAML), Options{Out: whole, CPU: "avx2"}); err != nil {
		t.Fatal(err)
	}
	want := sums(t, whole)
	for _, where := range []string{"folder", "bucket"} {
		t.Run(where, func(t *testing.T) {
			out := t.TempDir()
			if where == "bucket" {
				s3test.Start(t, t.Setenv)
				out = "s3://" + s3test.Bucket + "/run"
			}
			p, journal := newProcesses(t, 8)
			deaths := 0
			for ; ; deaths++ {
				// What it leaves is all that the next coordinator has.
				ctx, die := context.WithCancel(t.Context())
				p.die = die
				err := clusterRun(t, ctx, parse(t, &world{}, dir, roadYAML), Options{Out: out, CPU: "avx2"}, p)
				if err == nil {
					break
				}
				if ctx.Err() == nil {
					t.Fatalf("after %d deaths: %v", deaths, err)
				}
			}
			var got map[string]string
			if where == "bucket" {
				got = remoteSums(t, out)
			} else {
				got = sums(t, out)
			}
			if !maps.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
			repeated, attempts := again(t, journal)
			if len(repeated) > 0 || p.kills > 0 || deaths == 0 {
				t.Errorf("%d workers and %d coordinators died; done again: %v", 8-p.kills, deaths, repeated)
			}
			t.Logf("%d workers and %d coordinators died, %d attempts", 8-p.kills, deaths, attempts)
			for _, b := range p.batches {
				if len(b.Indices) > p.most {
					t.Errorf("%s has %d indices", b.Name, len(b.Indices))
				}
			}
		})
	}
}

// TestAlwaysFails: the run ends with what the task said, where its log is, and how to
// see it.
func TestAlwaysFails(t *testing.T) {
	p, _ := newProcesses(t, 0)
	p.env = append(p.env, "FAIL_AT=read 00002")
	err := clusterRun(t, t.Context(), parse(t, &world{}, rawFiles(t), roadYAML), Options{Out: t.TempDir()}, p)
	if err == nil || !strings.Contains(err.Error(), "stage text: read 00002 failed 3 times") || !strings.Contains(err.Error(), "made to fail") || !strings.Contains(hintOf(err), "log of job") {
		t.Errorf("%v, hint %q", err, hintOf(err))
	}
}

// TestManualWorkers: workers that a person starts go from phase to phase.
func TestManualWorkers(t *testing.T) {
	dir, out := rawFiles(t), t.TempDir()
	w := &world{}
	s := cluster.Default()
	s.On, s.Shards = cluster.OnManual, 3
	var g sync.WaitGroup
	for i := range 3 {
		g.Go(func() {
			if err := (Worker{Out: out, Shard: i, Shards: 3, Workers: 1, Table: w.table()}).Work(t.Context()); err != nil {
				t.Errorf("worker %d: %v", i, err)
			}
		})
	}
	c := parse(t, w, dir, roadYAML)
	c.Cluster = &s
	if _, err := Run(t.Context(), c, Options{Out: out, CPU: "avx2"}); err != nil {
		t.Fatal(err)
	}
	g.Wait()
	if len(sums(t, out)) != 3 {
		t.Error("stages are missing")
	}
}

// TestTwoAttempts: of attempts at once one counts, whatever the moment; the others take
// its record. One that made other bytes is an error.
func TestTwoAttempts(t *testing.T) {
	task := Task{ID: "a", Part: []byte("1")}
	for range 20 {
		w := work{t.TempDir(), ""}
		w.kept = w.dir
		commit := func(content string) (*record, error) {
			d := w.task(task.ID)
			if err := os.MkdirAll(d.run, 0o777); err != nil {
				t.Error(err)
			}
			if err := os.WriteFile(filepath.Join(d.run, "x.txt"), []byte(content), 0o666); err != nil {
				t.Error(err)
			}
			return d.commit(t.Context(), task, Counts{})
		}
		var g sync.WaitGroup
		attempts := make([]string, 4)
		for i := range attempts {
			g.Go(func() {
				rec, err := commit("content")
				if err != nil {
					t.Error(err)
					return
				}
				attempts[i] = rec.Attempt
			})
		}
		g.Wait()
		for _, a := range attempts {
			if a != attempts[0] || a == "" {
				t.Fatalf("%v", attempts)
			}
		}
		if _, err := commit("otherwise"); err == nil || !strings.Contains(err.Error(), "different bytes") {
			t.Errorf("other bytes: %v", err)
		}
		left, err := os.ReadDir(filepath.Join(w.dir, "run"))
		if err != nil || len(left) > 1 { // that of the last, which the caller removes
			t.Errorf("left behind: %v, %v", left, err)
		}
		// A damaged folder gives way.
		if err := os.Remove(filepath.Join(w.dir, "done", "a", "x.txt")); err != nil {
			t.Fatal(err)
		}
		if rec, err := commit("content"); err != nil || rec.Attempt == attempts[0] {
			t.Errorf("after damage: %v", err)
		}
	}
}

// TestDamageOnCluster: what a finished task left is compared with its checksums before
// the stage is done; the next run makes it again.
func TestDamageOnCluster(t *testing.T) {
	dir, out := rawFiles(t), t.TempDir()
	p, _ := newProcesses(t, 0)
	c := func() *Config { return parse(t, &world{}, dir, roadYAML) }
	r, err := newRun(c(), Options{Out: out})
	if err != nil {
		t.Fatal(err)
	}
	s := cluster.Default()
	s.Visible, s.Attempts = time.Millisecond, 1
	r.cluster = &coordinator{s, p}
	r.o.Observe = func(e Event) {
		if e.Kind != EventPhase || e.Phase != "checksums" || e.Stage != "text" {
			return
		}
		shards, _ := filepath.Glob(filepath.Join(out, stateDir, "work", "text.*", "0-read", "done", "00001", "*.parquet"))
		if len(shards) == 0 {
			t.Error("there is no shard to damage")
			return
		}
		b, err := os.ReadFile(shards[0])
		if err != nil {
			t.Error(err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(shards[0], b, 0o666); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.do(t.Context()); err == nil || !strings.Contains(err.Error(), "what task 00001 left is damaged") {
		t.Fatalf("%v", err)
	}
	if err := clusterRun(t, t.Context(), c(), Options{Out: out}, p); err != nil {
		t.Fatal(err)
	}
	sums(t, out)
	if store.Exists(filepath.Join(out, stateDir, "work", "text")) {
		t.Error("work is left behind")
	}
}
