package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
	"fragua/pipeline/store"
)

// A Result is what a run did.
type Result struct {
	Dir    string
	Stages []StageResult // those that the run was about, in their order
}

// A StageResult is what became of one stage.
type StageResult struct {
	Name, Use string
	Key       string
	Cached    bool
	Why       string // why it ran, or that nothing changed
	Dir       Dir
	Took      time.Duration
	Tasks     int // of all phases
	Resumed   int // of these, finished by an earlier run

	Notes []string // what a person should look at: see Reviewer
}

// Run runs a configuration: every stage whose result is not at hand, in their
// order, going on from the tasks that have a record.
//
// It returns an error that matches context.Canceled when ctx was cancelled, a
// *LockedError when another run works in the directory, a *DiskFullError when
// the disk is full, a *UsageError for what is wrong with the configuration or
// the options. After any of them the same call goes on where this one stopped.
func Run(ctx context.Context, c *Config, o Options) (*Result, error) {
	r, err := newRun(c, o)
	if err != nil {
		return nil, err
	}
	if r.cluster, err = newCoordinator(c.Cluster); err != nil {
		return nil, err
	}
	return r.do(ctx)
}

func (r *run) do(ctx context.Context) (res *Result, err error) {
	if err := r.c.CheckFiles(); err != nil {
		return nil, err
	}
	ctx, release, err := r.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := r.recover(ctx); err != nil {
		return nil, err
	}
	if r.cluster != nil {
		if err := r.refuseLocal(); err != nil {
			return nil, err
		}
		defer r.dismiss()
		if err := r.hashRaw(ctx); err != nil {
			return nil, interrupted(err, "")
		}
	}
	stages, err := r.inspect(ctx)
	if err != nil {
		return nil, interrupted(err, "")
	}
	if err := r.sums.Save(); err != nil {
		return nil, err
	}
	if err := r.writeResolved(nil); err != nil {
		return nil, err
	}
	info := r.newInfo()
	res = &Result{Dir: r.root}
	defer func() {
		if errors.Is(context.Cause(ctx), errLeaseLost) {
			err = errLeaseLost
		}
	}()
	defer func() {
		info.end(err)
		if failed := info.write(r.root); err == nil {
			err = failed
		}
	}()
	for i, s := range stages {
		result, err := s.update(ctx, info, i, len(stages))
		if err != nil {
			return res, err
		}
		if r, ok := s.With.(Reviewer); ok && result.Dir.Manifest != nil {
			result.Notes = r.Review(result.Dir.Manifest.Counts)
		}
		res.Stages = append(res.Stages, *result)
	}
	return res, r.writeChosen(res)
}

// writeResolved writes the configuration in force, with comments above some stages.
func (r *run) writeResolved(comments map[string]string) error {
	return store.WriteFile(store.Join(r.root, ResolvedName), func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "# What was in force: every default spelled out. Paths are as they were written.\n%s", r.c.resolvedYAML(comments))
		return err
	})
}

// writeChosen adds to the configuration in force what stages chose as they ran.
func (r *run) writeChosen(res *Result) error {
	comments := map[string]string{}
	for _, e := range r.c.Stages {
		c, ok := e.With.(Chooser)
		i := slices.IndexFunc(res.Stages, func(s StageResult) bool { return s.Name == e.Name })
		if !ok || i < 0 || res.Stages[i].Dir.Manifest == nil {
			continue
		}
		chosen, err := c.Chosen(res.Stages[i].Dir)
		if err != nil {
			return err
		}
		if chosen != "" {
			comments[e.Name] = "# chosen: " + chosen
		}
	}
	if len(comments) == 0 {
		return nil
	}
	return r.writeResolved(comments)
}

// update brings one stage up to date.
func (s *stage) update(ctx context.Context, info *RunInfo, i, n int) (*StageResult, error) {
	res := &StageResult{Name: s.Name, Use: s.Use, Key: s.key, Cached: s.cached, Why: s.why, Dir: Dir{s.dir(), s.manifest}}
	event := func(e Event) {
		e.Stage, e.Use, e.Position, e.Stages = s.Name, s.Use, i+1, n
		s.run.observe(e)
	}
	if s.cached {
		event(Event{Kind: EventSkip, Why: s.why, Result: res})
		return res, nil
	}
	event(Event{Kind: EventStage, Why: s.why})
	began := time.Now()
	err := s.carryOut(ctx, res, event)
	res.Took = time.Since(began)
	info.stage(res, began, err)
	if err != nil {
		return nil, interrupted(store.DiskFull(s.run.root, err), s.Name)
	}
	event(Event{Kind: EventDone, Result: res})
	return res, nil
}

// observe hands out events one at a time.
func (r *run) observe(e Event) {
	if r.o.Observe != nil {
		r.watch.Lock()
		defer r.watch.Unlock()
		r.o.Observe(e)
	}
}

// carryOut runs the phases that are not done, and puts the result in its place.
func (s *stage) carryOut(ctx context.Context, res *StageResult, event func(Event)) error {
	for input, dirs := range s.inputs {
		for i, d := range dirs {
			if d.foreign() {
				continue
			}
			m, err := ReadManifest(d.Path)
			if err != nil {
				return fmt.Errorf("stage %s: its input: %w", s.Name, err)
			}
			dirs[i].Manifest = m
		}
		s.inputs[input] = dirs
	}
	if err := s.fetchInputs(ctx); err != nil {
		return err
	}
	if err := s.verifyInputs(); err != nil {
		return err
	}
	w, err := s.openWork(ctx)
	if err != nil {
		return err
	}
	asm, err := w.loadAssembly(ctx, s.dir(), s.run.cluster != nil)
	if err != nil {
		return err
	}
	if asm == nil {
		if asm, err = s.phases(ctx, w, res, event); err != nil {
			return err
		}
		if err := s.run.breakAt("phases done"); err != nil {
			return err
		}
		seal(asm.Manifest)
		if err := writeJSONFile(store.Join(w.kept, assemblyName), asm); err != nil {
			return err
		}
	}
	if err := s.run.finish(ctx, w, asm, s.Name); err != nil {
		return err
	}
	s.manifest, res.Dir.Manifest = asm.Manifest, asm.Manifest
	s.run.verified[s.dir()] = true // its files were hashed as they were written
	return nil
}

// openWork makes or reopens the folder of a stage in progress.
func (s *stage) openWork(ctx context.Context) (work, error) {
	w := s.work()
	if s.run.o.Force {
		if err := w.remove(ctx); err != nil {
			return w, err
		}
	}
	if err := s.otherLevel(ctx, w); err != nil {
		return w, err
	}
	if s.run.cluster != nil {
		if err := s.noteForWorkers(w); err != nil {
			return w, err
		}
	}
	return w, writeJSONFile(store.Join(w.kept, "fingerprint.json"), s.fingerprint)
}

// otherLevel looks for work on the same stage that was begun at another level
// of the kernels. Its floats differ in their last bits, so going on with it must
// be asked for.
func (s *stage) otherLevel(ctx context.Context, w work) error {
	if s.fingerprint.CPU == "" || s.run.o.Force || w.begun(ctx) {
		return nil
	}
	others, err := s.run.works(ctx, s.Name)
	if err != nil {
		return err
	}
	for _, other := range others {
		var old fingerprint
		if other == w || readJSONFile(store.Join(other.kept, "fingerprint.json"), &old) != nil || old.elsewhere() != s.fingerprint.elsewhere() || !other.begun(ctx) {
			continue
		}
		if !s.run.o.OtherCPU {
			err := fmt.Errorf("stage %s was begun with --cpu %s, and this run has %s: its numbers would differ in their last bits",
				s.Name, old.CPU, s.fingerprint.CPU)
			again := "--cpu " + old.CPU
			if level, device, on := strings.Cut(old.CPU, " and "); on {
				again = fmt.Sprintf("--cpu %s and --device for %s", level, device)
			}
			return &fault.UsageError{Err: fault.Hintf(err,
				"give %s again, --other-cpu to go on at %s all the same, or --force to begin anew", again, s.fingerprint.CPU)}
		}
		if err := w.remove(ctx); err != nil {
			return err
		}
		return other.rename(ctx, w)
	}
	return nil
}

// interrupted gives an error that stems from a cancelled context its sentence.
func interrupted(err error, stage string) error {
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, cause) {
			where := ""
			if stage != "" {
				where = " in stage " + stage
			}
			return fault.Hintf(fmt.Errorf("interrupted%s: %w", where, cause), "give the same command again: it goes on from here")
		}
	}
	return err
}

// failures stops a stage in which too many rows failed.
func (s *stage) failures(c Counts, phase string) error {
	if n, most := len(c.Lost), s.run.c.MaxFailedFiles; n > most {
		err := fmt.Errorf("stage %s: %d raw files could not be read to their end, and max_failed_files allows %d: %s", s.Name, n, most, lostFiles(c.Lost))
		if n == 1 {
			err = fmt.Errorf("stage %s: a raw file could not be read to its end: %s", s.Name, c.Lost[0])
		}
		return fault.Hintf(err, "fetch the file again, leave it out, or write max_failed_files: %d at the top of the configuration; what is done is kept", n)
	}
	limit := s.run.c.MaxFailures
	rows := c.Read + c.Split
	if float64(c.Failed) <= limit*float64(rows) {
		return nil
	}
	err := fmt.Errorf("stage %s: %d of %d rows failed, more than max_failures allows (%g %%)", s.Name, c.Failed, rows, 100*limit)
	where := filepath.Join(phase, "done")
	if row, file := oneFailure(where); file != "" {
		err, where = fmt.Errorf("%w; one of them: %s at %d: %s", err, row.Path, row.Offset, row.Error), file
	}
	return fault.Hintf(err, "look at the rejects with `fragua inspect %s`, then correct the source or raise max_failures; what is done is kept", where)
}

// lostFiles lists files for a message.
func lostFiles(lost []LostFile) string {
	const most = 5
	var list []string
	for _, l := range lost[:min(len(lost), most)] {
		list = append(list, l.String())
	}
	if len(lost) > most {
		list = append(list, fmt.Sprintf("and %d more", len(lost)-most))
	}
	return strings.Join(list, "; ")
}

// A failedRow is what all rejects have in common.
type failedRow struct {
	Path   string `parquet:"path"`
	Offset int64  `parquet:"offset"`
	Error  string `parquet:"error"`
	Rule   string `parquet:"rule"`
}

// oneFailure finds a row that failed among the rejects of finished tasks, and the
// file it is in. Rejects of another shape give none.
func oneFailure(done string) (row failedRow, file string) {
	var files []string
	for _, place := range []string{"rejects.parquet", "rejects/*.parquet"} {
		some, _ := filepath.Glob(filepath.Join(done, "*", filepath.FromSlash(place))) // sorted; the pattern is valid
		files = append(files, some...)
	}
	for _, file := range files {
		for row, err := range shard.Read[failedRow](file) {
			if err != nil {
				break
			}
			if row.Rule == "error" {
				return row, file
			}
		}
	}
	return failedRow{}, ""
}

// pool runs do for 0…n-1 with this many workers. The first error stops it;
// whatever runs by then is asked to end through its context.
func pool(ctx context.Context, workers, n int, do func(ctx context.Context, i int) error) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	var once sync.Once
	var first error
	next := make(chan int)
	var g sync.WaitGroup
	for range min(workers, n) {
		g.Go(func() {
			for i := range next {
				if err := do(inner, i); err != nil {
					once.Do(func() { first = err })
					cancel()
				}
			}
		})
	}
feed:
	for i := range n {
		select {
		case next <- i:
		case <-inner.Done():
			break feed
		}
	}
	close(next)
	g.Wait()
	// What tasks say when they are asked to end (it may be the signal's name) is
	// no failure of theirs.
	if ctx.Err() != nil && (first == nil || errors.Is(first, ctx.Err()) || errors.Is(first, context.Cause(ctx))) {
		return ctx.Err()
	}
	return first
}
