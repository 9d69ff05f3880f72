package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"

	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
	"fragua/pipeline/store"
)

// phases runs the phases of a stage one after another, and returns what is to
// be assembled.
func (s *stage) phases(ctx context.Context, w work, res *StageResult, event func(Event)) (*assembly, error) {
	env := s.env()
	asm := &assembly{Manifest: &Manifest{
		Stage: s.Name, Use: s.Use, Kind: s.With.Makes(), Version: s.fingerprint.Version, Key: s.key,
		Inputs: s.fingerprint.Inputs, Shards: []shard.File{},
	}}
	last := len(s.With.Phases()) - 1
	for i, ph := range s.phaseList() {
		p := s.newPhase(i, ph, w, event)
		records, err := p.do(ctx, env, filepath.Join(w.dir, "scratch"), p.run.cluster != nil)
		if err != nil {
			return nil, err
		}
		if len(records) == 0 && i == last {
			return nil, fmt.Errorf("stage %s: %s: there is nothing to do: its inputs hold no files for it", s.Name, ph.Name)
		}
		res.Tasks += len(records)
		res.Resumed += p.resumed
		switch {
		case i < last:
			asm.Manifest.Phases = append(asm.Manifest.Phases, PhaseCounts{ph.Name, p.sum})
		case i == last:
			asm.Manifest.Counts = p.sum
			if err := asm.add(w, p.folder, records); err != nil {
				return nil, fmt.Errorf("stage %s: %w", s.Name, err)
			}
		}
	}
	return asm, nil
}

// phaseList is the stage's phases, and on a cluster one more, which compares what the
// last one left with its checksums.
func (s *stage) phaseList() []Phase {
	list := s.With.Phases()
	if s.Name != rawStage && (s.run.worker || s.run.cluster != nil && !s.run.o.NoVerify) {
		list = append(list, s.checksumsPhase(list[len(list)-1].Name))
	}
	return list
}

func (s *stage) newPhase(i int, ph Phase, w work, event func(Event)) *phase {
	p := &phase{stage: s, Phase: ph, folder: w.phase(i, ph.Name), meter: new(Meter)}
	p.meter.say = func(line string) { event(Event{Kind: EventSay, Phase: ph.Name, Line: line}) }
	p.meter.measure = func(at Point) { event(Event{Kind: EventPoint, Phase: ph.Name, Point: at}) }
	event(Event{Kind: EventPhase, Phase: ph.Name, Meter: p.meter, Why: s.why})
	return p
}

// phase runs one phase by itself: here, or on the cluster.
func (s *stage) phase(ctx context.Context, i int, ph Phase, w work, event func(Event), here bool) ([]*record, *Env, error) {
	env := s.env()
	p := s.newPhase(i, ph, w, event)
	records, err := p.do(ctx, env, filepath.Join(w.dir, "scratch"), !here)
	return records, env, err
}

// phase is one phase under way.
type phase struct {
	*stage
	Phase
	folder work
	meter  *Meter

	mu      sync.Mutex
	sum     Counts
	resumed int
}

// do lists the tasks and has those done that have no record, in this process or on a
// cluster. Its error names the stage and the task.
func (p *phase) do(ctx context.Context, env *Env, scratch string, spread bool) ([]*record, error) {
	if err := os.MkdirAll(scratch, 0o777); err != nil {
		return nil, err
	}
	listing := *env
	listing.Progress, listing.Scratch = p.meter, scratch
	tasks, err := p.list(ctx, &listing)
	if err != nil {
		return nil, fmt.Errorf("stage %s: %s: listing tasks: %w", p.stage.Name, p.Phase.Name, err)
	}
	if err := checkTasks(tasks); err != nil {
		return nil, fmt.Errorf("stage %s: %s: %w", p.stage.Name, p.Phase.Name, err)
	}
	p.meter.tasks.Store(int64(len(tasks)))
	var records []*record
	if spread && len(tasks) > 0 {
		records, err = p.spread(ctx, tasks)
	} else {
		records, err = p.here(ctx, env, tasks)
	}
	if err != nil {
		return nil, err
	}
	p.sum = Counts{}
	for i, t := range tasks { // in the order of the list, whoever was first
		p.sum.Add(records[i].Counts)
		dirs := p.folder.task(t.ID)
		dir := dirs.done
		if p.run.cluster != nil { // which brings no files here
			dir = dirs.files(records[i])
		}
		env.done[p.Phase.Name] = append(env.done[p.Phase.Name], Done{Task: t, Dir: dir, Counts: records[i].Counts, bytes: records[i].size()})
	}
	if err := p.sum.Check(); err != nil {
		return nil, fmt.Errorf("stage %s: %s: %w", p.stage.Name, p.Phase.Name, err)
	}
	if err := p.failures(p.sum, p.folder.dir); err != nil {
		return nil, err
	}
	if p.run.cluster != nil {
		return records, p.close(records)
	}
	return records, nil
}

// here runs tasks in this process.
func (p *phase) here(ctx context.Context, env *Env, tasks []Task) ([]*record, error) {
	var old taskList
	if readJSONFile(store.Join(p.folder.kept, tasksName), &old) != nil || old.Shards == 0 {
		// What an earlier attempt left half done is started again. On a cluster somebody may be at it.
		if err := os.RemoveAll(filepath.Join(p.folder.dir, "run")); err != nil {
			return nil, err
		}
	}
	if !sameTasks(old.Tasks, tasks) || len(tasks) == 0 {
		if err := writeJSONFile(store.Join(p.folder.kept, tasksName), taskList{Tasks: tasks}); err != nil {
			return nil, err
		}
	}
	workers, perTask := p.run.o.workers(), 1
	if p.Exclusive {
		workers, perTask = 1, workers
	}
	records := make([]*record, len(tasks))
	err := pool(ctx, workers, len(tasks), func(ctx context.Context, i int) error {
		rec, err := p.task(ctx, env, tasks[i], perTask)
		if err != nil {
			if where := p.where(tasks[i], len(tasks)); where != "" {
				err = fmt.Errorf("stage %s: %s: %w", p.stage.Name, where, err)
			}
			return err
		}
		records[i] = rec
		return nil
	})
	return records, err
}

func (p *phase) where(t Task, n int) string {
	if n == 1 {
		return p.Phase.Name
	}
	return p.Phase.Name + " " + t.ID
}

// list calls Tasks; a panic becomes an error.
func (p *phase) list(ctx context.Context, env *Env) (tasks []Task, err error) {
	defer p.caught(&err)
	return p.Tasks(ctx, env)
}

// task finishes one task, or finds that it is finished.
func (p *phase) task(ctx context.Context, env *Env, t Task, workers int) (*record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dirs := p.folder.task(t.ID)
	rec, err := dirs.load(ctx, t)
	if err != nil {
		return nil, err
	}
	resumed := rec != nil
	if !resumed {
		if rec, err = p.try(ctx, env, t, dirs, workers); err != nil {
			return nil, err
		}
		if dirs.remote() {
			err = dirs.keep()
		}
		if err = errors.Join(err, os.RemoveAll(dirs.scratch)); err != nil {
			return nil, err
		}
	}
	p.meter.finished.Add(1)
	if resumed {
		p.meter.found.Add(1)
	}
	return rec, p.account(rec, resumed)
}

// try makes an attempt at a task, and returns the record that counts.
func (p *phase) try(ctx context.Context, env *Env, t Task, dirs taskDirs, workers int) (rec *record, err error) {
	for _, dir := range []string{dirs.run, dirs.scratch} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return nil, err
		}
	}
	own := *env
	own.Out, own.Scratch, own.Workers, own.Progress = dirs.run, dirs.scratch, workers, p.meter
	own.Log = env.Log.With("task", t.ID)
	counts, err := p.call(ctx, &own, t)
	if err == nil {
		if err = p.run.breakAt("task done"); err != nil {
			return nil, err
		}
		rec, err = dirs.commit(ctx, t, counts)
	}
	if err != nil || p.run.worker {
		os.RemoveAll(dirs.run) // makes room on a full disk; of a worker in another store, it is not needed any more
	}
	return rec, err
}

// account adds up, and stops early when failures abound; the barrier has the
// last word.
func (p *phase) account(rec *record, resumed bool) error {
	const enough = 1000 // failures that are no accident
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sum.Add(rec.Counts)
	if resumed {
		p.resumed++
	}
	if p.sum.Failed >= enough || len(p.sum.Lost) > p.run.c.MaxFailedFiles {
		return p.failures(p.sum, p.folder.dir)
	}
	return nil
}

// call carries out a task; a panic in it becomes an error.
func (p *phase) call(ctx context.Context, env *Env, t Task) (c Counts, err error) {
	defer p.caught(&err)
	if _, ok := p.With.(RawInputs); ok {
		ctx = p.run.sums.With(ctx)
	}
	return p.Do(ctx, env, t)
}

func (p *phase) caught(err *error) {
	if r := recover(); r != nil {
		p.run.log.Error("panic", "stage", p.stage.Name, "phase", p.Phase.Name, "panic", r, "stack", string(debug.Stack()))
		cause, ok := r.(error)
		if !ok {
			cause = fmt.Errorf("%v", r)
		}
		*err = fault.Hintf(fmt.Errorf("panic: %w%s", cause, panicked()), "this is a defect of fragua: please report it with these lines")
	}
}

// panicked returns the line of code that panicked.
func panicked() string {
	lines := strings.Split(string(debug.Stack()), "\n")
	for i, l := range lines {
		if !strings.HasPrefix(l, "panic(") {
			continue
		}
		for _, l := range lines[i+2:] {
			if at, ok := strings.CutPrefix(l, "\t"); ok && !strings.Contains(at, "/runtime/") {
				at, _, _ = strings.Cut(at, " +0x")
				return " at " + filepath.Base(filepath.Dir(at)) + "/" + filepath.Base(at)
			}
		}
	}
	return ""
}

// checkTasks refuses tasks that cannot have a folder each.
func checkTasks(tasks []Task) error {
	seen := map[string]bool{}
	for _, t := range tasks {
		bad := t.ID == "" || len(t.ID) > 128 || t.ID[0] == '.' || strings.ContainsFunc(t.ID, func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r == '.')
		})
		if bad {
			return fmt.Errorf("%q cannot name a task", t.ID)
		}
		if seen[t.ID] {
			return fmt.Errorf("two tasks are named %q", t.ID)
		}
		seen[t.ID] = true
	}
	return nil
}
