package pipeline

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
	"fragua/pipeline/store"
)

// workerNote is worker.json: what a worker needs to know of the run, whatever another
// coordinator may have written since.
type workerNote struct {
	Name   string          `json:"name"`
	Config string          `json:"config"` // resolved
	Dir    string          `json:"dir"`    // what its relative paths resolve against
	Limit  int64           `json:"limit,omitempty"`
	CPU    string          `json:"cpu"`
	Raw    json.RawMessage `json:"raw,omitempty"` // rawNote: where the checksums of raw files are
}

// currentPhase names the phase that workers without a phase of their own join.
type currentPhase struct {
	Phase string `json:"phase"` // STAGE.KEY/0-sign
	Ended bool   `json:"ended"` // the run is over
}

// A Worker runs a shard of the tasks of a phase, or of one phase after another.
type Worker struct {
	Out     string // the run's directory
	Phase   string // STAGE.KEY/0-sign; "": one after another, until the run ends
	Shard   int
	Shards  int
	Workers int // tasks at a time; 0: one a core
	Table   Table
	Log     *slog.Logger
	SetCPU  func(level string) error // the level of the kernels
}

// Work runs the tasks that have no record. One that fails does not keep it from the
// others; all errors are returned.
func (w Worker) Work(ctx context.Context) error {
	if w.Phase != "" {
		return interrupted(w.phase(ctx, w.Phase), "")
	}
	for last := ""; ; {
		var now currentPhase
		err := eventually(ctx, func() error { return readJSONFile(store.Join(w.Out, stateDir, currentName+".json"), &now) })
		if err != nil {
			return fault.Hintf(err, "start the run first: fragua run CONFIG --out %s --on manual", w.Out)
		}
		if now.Ended {
			return nil
		}
		if now.Phase != last {
			if err := w.phase(ctx, now.Phase); err != nil && !errors.Is(err, fs.ErrNotExist) { // the phase may be over
				return interrupted(err, "")
			}
			last = now.Phase
		}
		select {
		case <-ctx.Done():
			return interrupted(context.Cause(ctx), "")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// eventually tries to read what another machine has written, and this one may not see
// yet.
func eventually(ctx context.Context, read func() error) error {
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		err := read()
		unseen := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESTALE)
		if !unseen || wait > 2*time.Second {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

// phase works on one phase.
func (w Worker) phase(ctx context.Context, at string) error {
	p, env, tasks, err := w.open(ctx, at)
	if err != nil {
		folder := store.Join(w.Out, stateDir, "work", at)
		return errors.Join(err, leaveNote(folder, failedAttempt{Task: fmt.Sprintf("worker-%d", w.Shard), Shard: w.Shard}, err))
	}
	var mine []Task
	for i := w.Shard; i < len(tasks); i += w.Shards {
		mine = append(mine, tasks[i])
	}
	done, err := p.recorded(ctx)
	if err != nil {
		return err
	}
	mine = slices.DeleteFunc(mine, func(t Task) bool { return done[t.ID] })
	workers, perTask := p.run.o.workers(), 1
	if p.Exclusive {
		workers, perTask = 1, workers
	}
	failed := make([]error, len(mine))
	err = pool(ctx, workers, len(mine), func(ctx context.Context, i int) error {
		err := p.attempt(ctx, env, mine[i], perTask)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			failed[i] = errors.Join(err, leaveNote(p.folder.kept, failedAttempt{Task: mine[i].ID, Shard: w.Shard}, err))
		}
		return nil
	})
	return errors.Join(append(failed, err)...)
}

// open prepares a phase as its coordinator left it.
func (w Worker) open(ctx context.Context, at string) (*phase, *Env, []Task, error) {
	folder, phaseFolder := path.Split(at)
	name, key, ok := strings.Cut(strings.TrimSuffix(folder, "/"), ".")
	number, phaseName, ok2 := strings.Cut(phaseFolder, "-")
	index, err := strconv.Atoi(number)
	if !ok || !ok2 || err != nil {
		return nil, nil, nil, &fault.UsageError{Err: fmt.Errorf("%q names no phase; it is written STAGE.KEY/0-PHASE", at)}
	}
	root, err := store.Abs(w.Out)
	if err != nil {
		return nil, nil, nil, err
	}
	kept := store.Join(root, stateDir, "work", strings.TrimSuffix(folder, "/"))
	var note workerNote
	var print fingerprint
	var list taskList
	err = eventually(ctx, func() error {
		return errors.Join(readJSONFile(store.Join(kept, workerName), &note), readJSONFile(store.Join(kept, "fingerprint.json"), &print),
			readJSONFile(store.Join(kept, phaseFolder, tasksName), &list))
	})
	if err != nil {
		return nil, nil, nil, err
	}
	c, err := Parse(note.Name+".yaml", []byte(note.Config), note.Dir, w.Table, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	o := Options{Out: root, Workers: w.Workers, Limit: note.Limit, CPU: note.CPU, Log: w.Log}
	r, err := newRun(c, o)
	if err != nil {
		return nil, nil, nil, err
	}
	r.worker = true
	e := c.Entry(name)
	if e == nil && name != rawStage {
		return nil, nil, nil, fmt.Errorf("the run has no stage %s", name)
	}
	if name == rawStage {
		e = r.rawEntry()
	}
	if !sameJSON(settings.CanonicalJSON(e.With), print.Settings) || e.With.Version() != print.Version {
		return nil, nil, nil, fault.Hintf(fmt.Errorf("stage %s was listed by another version of fragua, or with other settings", name), "give all machines the same fragua, and start the run again")
	}
	if _, ok := e.With.(FloatStage); ok && w.SetCPU != nil {
		if err := w.SetCPU(note.CPU); err != nil {
			return nil, nil, nil, fault.Hintf(fmt.Errorf("this machine lacks the run's level of kernels, %s: %w", note.CPU, err), "give the run a --cpu that all machines have, or choose machines with cluster: sbatch or node_selector")
		}
	}
	s := &stage{Entry: e, run: r, fingerprint: print, key: key, inputs: map[string][]Dir{}}
	if err := s.openInputs(ctx); err != nil {
		return nil, nil, nil, err
	}
	if err := r.lookUpRaw(note.Raw); err != nil {
		return nil, nil, nil, err
	}
	env := s.env()
	phases := s.phaseList()
	if index >= len(phases) || phases[index].Name != phaseName {
		return nil, nil, nil, fmt.Errorf("stage %s has no phase %s", name, phaseFolder)
	}
	for i, ph := range phases[:index] {
		earlier := &phase{stage: s, Phase: ph, folder: s.work().phase(i, ph.Name)}
		if env.done[ph.Name], err = earlier.finished(ctx); err != nil {
			return nil, nil, nil, err
		}
	}
	p := &phase{stage: s, Phase: phases[index], folder: s.work().phase(index, phaseName), meter: new(Meter)}
	p.meter.say = func(line string) { r.log.Info(line) }
	return p, env, list.Tasks, nil
}

// openInputs reads the manifests of the stage's inputs.
func (s *stage) openInputs(ctx context.Context) error {
	for input, names := range s.From {
		for _, name := range names {
			dir, outside := s.run.c.outside[name]
			if !outside {
				dir = Dir{Path: store.Join(s.run.root, name)}
				err := eventually(ctx, func() (err error) { dir.Manifest, err = ReadManifest(dir.Path); return err })
				if err != nil {
					return fmt.Errorf("stage %s: its input: %w", s.Name, err)
				}
			}
			s.inputs[input] = append(s.inputs[input], dir)
		}
	}
	return s.fetchInputs(ctx)
}

// finished lists the tasks of a phase that is over.
func (p *phase) finished(ctx context.Context) ([]Done, error) {
	var list taskList
	var d phaseDone
	err := eventually(ctx, func() error {
		return errors.Join(readJSONFile(store.Join(p.folder.kept, tasksName), &list), readJSONFile(store.Join(p.folder.kept, doneName), &d))
	})
	if err == nil && (len(d.Attempts) != len(list.Tasks) || len(d.Counts) != len(list.Tasks)) {
		err = fmt.Errorf("%s tells of %d tasks of %d", doneName, len(d.Attempts), len(list.Tasks))
	}
	if err != nil {
		return nil, fmt.Errorf("stage %s: %s is not over: %w", p.stage.Name, p.Phase.Name, err)
	}
	done := make([]Done, len(list.Tasks))
	for i, t := range list.Tasks {
		done[i] = Done{Task: t, Dir: p.folder.task(t.ID).files(&record{Attempt: d.Attempts[i]}), Counts: d.Counts[i]}
	}
	return done, nil
}

// attempt does a task, unless it has a record by now.
func (p *phase) attempt(ctx context.Context, env *Env, t Task, workers int) error {
	dirs := p.folder.task(t.ID)
	if p.Exclusive { // its scratch holds what another attempt needs, if this one dies
		held, release, err := p.only(ctx, dirs, t)
		if err != nil || held == nil {
			return err
		}
		defer release()
		ctx = held
	} else {
		scratch, err := os.MkdirTemp("", "fragua-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(scratch)
		dirs.scratch = scratch
	}
	if rec, err := dirs.trust(ctx, t); rec != nil || err != nil {
		return err
	}
	began := time.Now()
	p.run.log.Info("begun", "stage", p.stage.Name, "phase", p.Phase.Name, "task", t.ID, "attempt", dirs.attempt)
	err := eventually(ctx, func() error {
		_, err := p.try(ctx, env, t, dirs, workers)
		return err
	})
	if err == nil {
		p.run.log.Info("done", "stage", p.stage.Name, "phase", p.Phase.Name, "task", t.ID, "attempt", dirs.attempt, "seconds", time.Since(began).Seconds())
	}
	return err
}

// only waits until no other attempt is at an exclusive task. Its context is nil if the
// task has got a record meanwhile.
func (p *phase) only(ctx context.Context, dirs taskDirs, t Task) (held context.Context, release func(), err error) {
	folder := store.Join(p.folder.kept, "attempt", t.ID)
	for {
		held, release, err = acquireLease(ctx, folder, folder)
		var other *LockedError
		if !errors.As(err, &other) {
			return held, release, err
		}
		p.run.log.Info("another attempt is at it", "task", t.ID, "host", other.Host, "process", other.PID)
		select {
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		case <-time.After(leaseRenew):
		}
		if rec, err := dirs.trust(ctx, t); rec != nil || err != nil {
			return nil, nil, err
		}
	}
}

// leaveNote tells the coordinator of an attempt that failed.
func leaveNote(phase string, a failedAttempt, err error) error {
	a.Host, _ = os.Hostname()
	a.Time, a.Error = time.Now(), err.Error()
	var hint *fault.Hint
	if errors.As(err, &hint) {
		a.Hint = hint.Fix
	}
	return writeJSONFile(store.Join(phase, "failed", a.Task+"."+rand.Text()[:12]+".json"), a)
}
