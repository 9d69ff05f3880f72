package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"fragua/pipeline/cluster"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// On a cluster a phase's tasks are shared by workers, who meet nobody: shard i of n is
// the tasks i, i+n, i+2n … The coordinator lists the tasks, submits one batch, watches
// which tasks get a record, and submits again what has none when the batch has ended.
// In the work folder of the stage, beside what work names:
//
//	worker.json               what a worker needs to know of the run
//	0-sign/job.json           the batch that was submitted, so that another coordinator
//	                          watches it when this one has died
//	0-sign/failed/TASK.ATTEMPT.json   an attempt that ended with an error, and which
//	0-sign/done.json          the phase is over: whose files later phases read
//
// What counts is records alone. A batch that is submitted twice, a worker that comes
// back after it was given up, a coordinator too many: each costs work and no bytes.
const (
	workerName  = "worker.json"
	jobName     = "job.json"
	doneName    = "done.json"
	currentName = "phase" // in the run's state folder: the phase that manual workers join
)

// coordinator is the run's part in a cluster.
type coordinator struct {
	cluster.Settings
	cluster.Scheduler
}

func newCoordinator(s *cluster.Settings) (*coordinator, error) {
	if s == nil || s.On == cluster.Here {
		return nil, nil
	}
	scheduler, err := cluster.New(*s)
	return &coordinator{*s, scheduler}, err
}

// A submitted batch is job.json.
type submitted struct {
	Job   string        `json:"job"`
	Batch cluster.Batch `json:"batch"`
}

// A failedAttempt is what a worker leaves of an attempt that ended with an error.
type failedAttempt struct {
	Task  string    `json:"task"`
	Shard int       `json:"shard"`
	Host  string    `json:"host"`
	Time  time.Time `json:"time"`
	Error string    `json:"error"`
	Hint  string    `json:"hint,omitempty"`
}

// stuckAfter is how often in a row a batch may end without a new record.
const stuckAfter = 8

// spread has the tasks done that have no record, and returns the records of all.
func (p *phase) spread(ctx context.Context, tasks []Task) ([]*record, error) {
	most, err := p.run.cluster.Most(ctx)
	if err != nil {
		return nil, err
	}
	shards := max(1, min(len(tasks), p.run.cluster.Shards, most))
	if err := p.announce(ctx, tasks, shards); err != nil {
		return nil, err
	}
	p.meter.tasks.Store(int64(len(tasks)))
	before, stuck := -1, 0
	for {
		missing, err := p.missing(ctx, tasks)
		if err != nil {
			return nil, err
		}
		if len(missing) == 0 {
			records, err := p.collectRecords(ctx, tasks)
			if err != nil || records != nil {
				return records, err
			}
			continue // records of no use were removed
		}
		if stuck++; len(missing) != before {
			before, stuck = len(missing), 0
		}
		if stuck == stuckAfter {
			return nil, p.stuck(missing, shards)
		}
		job, err := p.submit(ctx, missing, shards)
		if err != nil {
			return nil, err
		}
		if err := p.watch(ctx, job, tasks); err != nil {
			return nil, err
		}
	}
}

// announce writes what workers read. What earlier attempts failed of is forgotten: the
// cause may be gone.
func (p *phase) announce(ctx context.Context, tasks []Task, shards int) error {
	name := store.Join(p.folder.kept, tasksName)
	var old taskList
	if readJSONFile(name, &old) != nil || old.Shards != shards || !sameTasks(old.Tasks, tasks) {
		if err := writeJSONFile(name, taskList{tasks, shards}); err != nil {
			return err
		}
	}
	if err := store.Remove(ctx, store.Join(p.folder.kept, "failed")); err != nil {
		return err
	}
	at := store.Rel(store.Join(p.run.root, stateDir, "work"), p.folder.kept)
	return writeJSONFile(store.Join(p.run.root, stateDir, currentName+".json"), currentPhase{Phase: at})
}

func sameTasks(a, b []Task) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].ID != b[i].ID || !sameJSON(a[i].Part, b[i].Part) {
			return false
		}
	}
	return true
}

// missing lists the tasks without a record, by their number.
func (p *phase) missing(ctx context.Context, tasks []Task) ([]int, error) {
	done, err := p.recorded(ctx)
	if err != nil {
		return nil, err
	}
	var missing []int
	for i, t := range tasks {
		if !done[t.ID] {
			missing = append(missing, i)
		}
	}
	p.meter.finished.Store(int64(len(tasks) - len(missing)))
	return missing, nil
}

// recorded tells which tasks have a record. It reads none.
func (p *phase) recorded(ctx context.Context) (map[string]bool, error) {
	done := map[string]bool{}
	base := store.Join(p.folder.kept, "done")
	deep := store.IsRemote(base) // there a folder is there as soon as one of its files is
	for f, err := range store.List(ctx, base, deep) {
		if err != nil {
			return nil, err
		}
		switch name := store.Rel(base, f.Name); {
		case !deep:
			done[name] = true
		case path.Base(name) == recordName:
			done[path.Dir(name)] = true
		}
	}
	return done, nil
}

// collectRecords reads the records of all tasks. Those that are of no use are removed,
// and then it returns nil.
func (p *phase) collectRecords(ctx context.Context, tasks []Task) ([]*record, error) {
	records := make([]*record, len(tasks))
	const requests = 32
	err := pool(ctx, requests, len(tasks), func(ctx context.Context, i int) (err error) {
		dirs := p.folder.task(tasks[i].ID)
		if records[i], err = dirs.trust(ctx, tasks[i]); err == nil && records[i] == nil {
			err = store.Remove(ctx, dirs.kept) // no worker is at it: all had a record
		}
		return err
	})
	for _, r := range records {
		if r == nil {
			return nil, err
		}
	}
	return records, err
}

// submit returns the batch that an earlier coordinator submitted, if it is still
// active, or submits one.
func (p *phase) submit(ctx context.Context, missing []int, shards int) (*submitted, error) {
	name := store.Join(p.folder.kept, jobName)
	job := new(submitted)
	if err := readJSONFile(name, job); err == nil {
		if n, err := p.run.cluster.Active(ctx, job.Job); err == nil && n > 0 {
			p.meter.Say(fmt.Sprintf("job %s goes on", job.Job))
			return job, nil
		}
	}
	batch, err := p.batch(missing, shards)
	if err != nil {
		return nil, err
	}
	if batch.Logs != "" {
		if err := os.MkdirAll(batch.Logs, 0o777); err != nil {
			return nil, err
		}
	}
	job = &submitted{Batch: batch}
	if job.Job, err = p.run.cluster.Submit(ctx, batch); err != nil {
		return nil, fmt.Errorf("stage %s: %s: %w", p.stage.Name, p.Phase.Name, err)
	}
	p.meter.Say(fmt.Sprintf("job %s: %d tasks of %s", job.Job, len(missing), p.Phase.Name))
	return job, writeJSONFile(name, job)
}

// batch is what is submitted for the tasks that are missing.
func (p *phase) batch(missing []int, shards int) (b cluster.Batch, err error) {
	b = cluster.Batch{Name: p.stage.Name + "." + p.Phase.Name, Whole: p.Exclusive}
	if !store.IsRemote(p.run.root) {
		b.Logs = filepath.Join(p.run.root, stateDir, "logs")
	}
	seen := make([]bool, shards)
	for _, i := range missing {
		seen[i%shards] = true
	}
	for i, has := range seen {
		if has {
			b.Indices = append(b.Indices, i)
		}
	}
	program, err := p.run.cluster.program()
	if err != nil {
		return b, err
	}
	b.Command = []string{program, "work", p.run.root}
	if p.run.cluster.On != cluster.OnManual {
		b.Command = append(b.Command, "--phase", store.Rel(store.Join(p.run.root, stateDir, "work"), p.folder.kept), "--shards", strconv.Itoa(shards))
		if !p.Exclusive {
			b.Command = append(b.Command, "--workers", strconv.Itoa(p.run.cluster.CPUs))
		}
	}
	return b, nil
}

// program is what machines run.
func (c *coordinator) program() (string, error) {
	if c.Program != "" || c.On == cluster.OnKubernetes {
		return cmp.Or(c.Program, "fragua"), nil
	}
	return os.Executable()
}

// watch returns when the batch has ended, or when every task has a record.
func (p *phase) watch(ctx context.Context, job *submitted, tasks []Task) error {
	const soonest, latest = 100 * time.Millisecond, 10 * time.Second
	wait, silent := soonest, 0
	for {
		select {
		case <-ctx.Done():
			p.meter.Say(fmt.Sprintf("job %s is left running", job.Job))
			return context.Cause(ctx)
		case <-time.After(wait):
		}
		wait = min(wait+wait/4, latest)
		active, err := p.run.cluster.Active(ctx, job.Job)
		if err != nil { // a scheduler that restarts is waited for
			if silent++; silent%10 == 1 {
				p.meter.Say(fmt.Sprintf("the scheduler does not answer: %v", err))
			}
			continue
		}
		silent = 0
		missing, err := p.missing(ctx, tasks)
		if err != nil {
			return err
		}
		if err := p.failedTooOften(ctx, job); err != nil {
			return errors.Join(err, p.run.cluster.Cancel(ctx, job.Job))
		}
		if len(missing) == 0 {
			return p.run.cluster.Cancel(ctx, job.Job) // what comes late would find nothing to do
		}
		if active == 0 {
			return p.lastLook(ctx, tasks, len(missing))
		}
	}
}

// lastLook waits for records that other machines have written and this one does not
// see yet.
func (p *phase) lastLook(ctx context.Context, tasks []Task, missing int) error {
	for deadline := time.Now().Add(p.run.cluster.Visible); time.Now().Before(deadline); {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(min(p.run.cluster.Visible, time.Second) / 4):
		}
		now, err := p.missing(ctx, tasks)
		if err != nil || len(now) == 0 {
			return err
		}
		if len(now) < missing {
			missing, deadline = len(now), time.Now().Add(p.run.cluster.Visible)
		}
	}
	return nil
}

// failedTooOften returns an error if a task has failed as often as the settings allow.
func (p *phase) failedTooOften(ctx context.Context, job *submitted) error {
	times := map[string]int{}
	base := store.Join(p.folder.kept, "failed")
	for f, err := range store.List(ctx, base, false) {
		if err != nil {
			return err
		}
		file := store.Rel(base, f.Name)
		if path.Ext(file) != ".json" {
			continue
		}
		task := file[:strings.LastIndexByte(strings.TrimSuffix(file, ".json"), '.')]
		if times[task]++; times[task] < p.run.cluster.Attempts {
			continue
		}
		var a failedAttempt
		if err := readJSONFile(f.Name, &a); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return err
		}
		failed := fmt.Errorf("stage %s: %s %s failed %d times; at last on %s: %s", p.stage.Name, p.Phase.Name, task, times[task], a.Host, a.Error)
		if a.Hint != "" {
			failed = fault.Hintf(failed, "%s", a.Hint)
		}
		return fault.Hintf(failed, "%s", p.run.cluster.Log(job.Batch, job.Job, a.Shard))
	}
	return nil
}

// stuck is the error of tasks that never get a record, and never say why.
func (p *phase) stuck(missing []int, shards int) error {
	err := fmt.Errorf("stage %s: %s: %d tasks have no record, and the last %d batches ended without a new one: their workers are killed, or do not start", p.stage.Name, p.Phase.Name, len(missing), stuckAfter)
	b, e := p.batch(missing[:1], shards)
	if e != nil {
		return errors.Join(err, e)
	}
	var job submitted
	readJSONFile(store.Join(p.folder.kept, jobName), &job) // its number helps to find the log; the rest does without
	return fault.Hintf(err, "is memory_mb or time too little? %s", p.run.cluster.Log(b, job.Job, b.Indices[0]))
}

// A phaseDone is done.json: what later phases need to know, in the order of the tasks.
type phaseDone struct {
	Attempts []string `json:"attempts"`
	Counts   []Counts `json:"counts"`
}

// close tells workers of later phases where this one's files lie.
func (p *phase) close(records []*record) error {
	var d phaseDone
	for _, r := range records {
		d.Attempts, d.Counts = append(d.Attempts, r.Attempt), append(d.Counts, r.Counts)
	}
	return writeJSONFile(store.Join(p.folder.kept, doneName), d)
}

// noteForWorkers writes worker.json.
func (s *stage) noteForWorkers(w work) error {
	r := s.run
	return writeJSONFile(store.Join(w.kept, workerName), workerNote{Name: r.c.Name, Config: string(r.c.ResolvedYAML()), Dir: r.c.Dir, Limit: r.o.Limit, CPU: r.o.CPU, Raw: r.raw})
}

// dismiss lets workers that go from phase to phase end. Where it cannot, they wait
// until the run is started again, or somebody ends them.
func (r *run) dismiss() {
	writeJSONFile(store.Join(r.root, stateDir, currentName+".json"), currentPhase{Ended: true})
}
