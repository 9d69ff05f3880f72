package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
	"fragua/pipeline/store"
)

// Options say how a configuration is run.
type Options struct {
	Out      string       // the run's directory; made where it is missing
	Workers  int          // tasks at a time; 0: one a core
	Only     []string     // run these stages alone; what they read must be finished. Empty: all
	Force    bool         // run them even if their result is at hand, from the beginning
	Limit    int64        // documents a source, for stages that read raw files; 0: all
	CPU      string       // level of the kernels, part of the key of stages that compute with floats
	NoVerify bool         // trust files of finished stages unread
	OtherCPU bool         // go on with work that was begun at another level, or on another device
	World    any          // the processes that share trainings; it changes no result. nil: this one is alone
	Device   fmt.Stringer // what stages that can compute on; nil: the CPU. Its name and version stand in their keys
	Log      *slog.Logger // nil: none
	Observe  func(Event)  // nil: nobody watches
	Program  string       // name and version, for run.json
	Config   string       // where the configuration was read, for run.json
}

func (o Options) workers() int { return cmp.Or(max(o.Workers, 0), runtime.GOMAXPROCS(0)) }

// stateDir holds, within a run directory, what the engine needs for itself.
const stateDir = ".fragua"

// A PlannedStage says what Run would do about a stage, and why.
type PlannedStage struct {
	Name, Use   string
	Key         string
	Cached      bool
	Why         string         // one clause
	Done, Tasks int            // of the phase that was interrupted; 0, 0: none was
	Estimate    *Estimate      // nil: the stage does not tell, or need not run
	Phases      []PlannedPhase // on a cluster, of a stage that would run
}

// An Estimate is what a stage expects to need; 0: unknown.
type Estimate struct {
	Time         time.Duration
	Memory, Disk int64 // bytes
	Note         string
}

// An Estimator is a stage that can tell beforehand what it needs. In the Env's
// In, a stage that has not run yet has a nil Manifest.
type Estimator interface {
	Estimate(*Env) (Estimate, error)
}

// A Chooser is a stage that chooses some of its settings as it runs.
type Chooser interface {
	// Chosen is the settings that the finished stage in a directory chose, as YAML; "": none.
	Chosen(Dir) (string, error)
}

// Plan says what Run would do. It changes nothing on disk.
func Plan(ctx context.Context, c *Config, o Options) ([]PlannedStage, error) {
	r, err := newRun(c, o)
	if err != nil {
		return nil, err
	}
	if r.cluster, err = newCoordinator(c.Cluster); err != nil {
		return nil, err
	}
	if err := c.CheckFiles(); err != nil {
		return nil, err
	}
	if r.cluster != nil {
		if err := errors.Join(r.refuseLocal(), r.planRaw(ctx)); err != nil {
			return nil, err
		}
	}
	stages, err := r.inspect(ctx)
	if err != nil {
		return nil, err
	}
	var out []PlannedStage
	for _, s := range stages {
		p := PlannedStage{Name: s.Name, Use: s.Use, Key: s.key, Cached: s.cached, Why: s.why, Done: s.done, Tasks: s.tasks}
		if !s.cached {
			if e, ok := s.With.(Estimator); ok {
				if err := s.fetchInputs(ctx); err != nil {
					return nil, err
				}
				estimate, err := e.Estimate(s.env())
				if err != nil {
					return nil, fmt.Errorf("stage %s: %w", s.Name, err)
				}
				p.Estimate = &estimate
			}
		}
		if !s.cached && r.cluster != nil {
			if p.Phases, err = s.plannedPhases(ctx); err != nil {
				return nil, err
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// OpenStage returns what a stage would work with, to look at it: its inputs are finished.
func OpenStage(ctx context.Context, c *Config, o Options, name string) (*Env, error) {
	o.Only = []string{name}
	r, err := newRun(c, o)
	if err != nil {
		return nil, err
	}
	stages, err := r.inspect(ctx)
	if err != nil {
		return nil, err
	}
	if err := stages[0].fetchInputs(ctx); err != nil {
		return nil, err
	}
	return stages[0].env(), nil
}

// run is one run of a configuration in a directory.
type run struct {
	c        *Config
	o        Options
	root     string // the run's directory, in whatever store
	local    string // where this machine works on it: root, or a folder of its own
	log      *slog.Logger
	sums     *store.Sums              // of raw files
	verified map[string]bool          // directories whose files were all read and are what their manifests say
	watch    sync.Mutex               // events come one at a time
	step     func(where string) error // tests break a run here

	cluster *coordinator    // nil: this process runs the tasks
	worker  bool            // this process is a worker of a cluster
	raw     json.RawMessage // rawNote, once the raw files are hashed on the cluster
}

// stage is an entry and what is known of it on disk.
type stage struct {
	*Entry
	run         *run
	fingerprint fingerprint
	key         string
	inputs      map[string][]Dir
	manifest    *Manifest // of the result at hand, whatever its key
	cached      bool
	why         string

	done, tasks int // of the phase in which an earlier run stopped
}

func newRun(c *Config, o Options) (*run, error) {
	if o.Out == "" {
		return nil, &fault.UsageError{Err: errors.New("no output folder is given")}
	}
	root, err := store.Abs(o.Out)
	if err != nil {
		return nil, err
	}
	local := root
	if store.IsRemote(root) {
		if local, err = store.CacheDir("runs", store.CacheName(root)); err != nil {
			return nil, err
		}
	}
	for _, name := range o.Only {
		if c.Entry(name) == nil {
			return nil, &fault.UsageError{Err: fault.Hintf(fmt.Errorf("--only: no stage is named %q", name), "%s", fault.DidYouMean(name, "stages", c.Names()))}
		}
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &run{c: c, o: o, root: root, local: local, log: log, verified: map[string]bool{}, sums: store.OpenSums(filepath.Join(local, stateDir, "raw.json"))}, nil
}

func (r *run) breakAt(where string) error {
	if r.step == nil {
		return nil
	}
	return r.step(where)
}

// inspect computes the keys of all stages, and returns those that the run is
// about with what is on disk of them.
func (r *run) inspect(ctx context.Context) ([]*stage, error) {
	all := map[string]*stage{}
	var selected []*stage
	for _, e := range r.c.Stages {
		s, err := r.inspectStage(ctx, e, all)
		if err != nil {
			return nil, err
		}
		all[e.Name] = s
		if len(r.o.Only) == 0 || slices.Contains(r.o.Only, e.Name) {
			selected = append(selected, s)
		}
	}
	for _, s := range selected {
		if r.o.Force {
			s.cached, s.why = false, "forced"
		}
		if s.cached {
			continue
		}
		if s.done, s.tasks = s.work().progress(ctx); s.tasks > 0 && !r.o.Force {
			s.why = fmt.Sprintf("interrupted: %d of %d tasks done", s.done, s.tasks)
		}
		for _, name := range s.sources() {
			in := all[name]
			if in == nil || in.cached || slices.Contains(selected, in) {
				continue
			}
			return nil, &fault.UsageError{Err: fault.Hintf(fmt.Errorf("--only %s: its input %s is not at hand: %s", s.Name, name, in.why),
				"run --only %s,%s, or leave --only out", name, s.Name)}
		}
	}
	return selected, nil
}

// sources lists the stages that a stage reads.
func (e *Entry) sources() []string {
	var all []string
	for _, input := range sortedKeys(e.From) {
		all = append(all, e.From[input]...)
	}
	return all
}

func (r *run) inspectStage(ctx context.Context, e *Entry, earlier map[string]*stage) (*stage, error) {
	s := &stage{Entry: e, run: r, inputs: map[string][]Dir{}}
	s.fingerprint = fingerprint{
		Use: e.Use, Version: e.With.Version(), Settings: settings.CanonicalJSON(e.With),
		Seed: r.c.Seed, Inputs: map[string][]string{},
	}
	for input, names := range e.From {
		for _, name := range names {
			dir := Dir{Path: r.c.inputDir(name, r.root)}
			var key string
			if in := earlier[name]; in != nil {
				key = in.key
				if in.cached {
					dir.Manifest = in.manifest
				}
			} else {
				dir = r.c.outside[name]
				if key = dir.Manifest.Key; key == "" {
					var err error
					if key, err = r.foreignKey(ctx, dir); err != nil {
						return nil, fmt.Errorf("stage %s: %w", e.Name, err)
					}
				}
			}
			s.inputs[input] = append(s.inputs[input], dir)
			s.fingerprint.Inputs[input] = append(s.fingerprint.Inputs[input], key)
		}
	}
	if reader, ok := e.With.(RawInputs); ok {
		files, err := reader.Reads()
		if err != nil {
			return nil, fmt.Errorf("stage %s: %w", e.Name, err)
		}
		if s.fingerprint.Raw, err = r.rawSums(ctx, files); err != nil {
			return nil, fmt.Errorf("stage %s: %w", e.Name, err)
		}
		s.fingerprint.Limit = r.o.Limit
	}
	if f, ok := e.With.(FloatStage); ok {
		s.fingerprint.CPU, s.fingerprint.Precision = r.o.CPU, f.Precision()
		if _, ok := e.With.(DeviceStage); ok && r.o.Device != nil {
			s.fingerprint.CPU += " and " + r.o.Device.String()
		}
	}
	s.key = s.fingerprint.key()
	return s, s.status(ctx)
}

// dir is where the stage's result lies.
func (s *stage) dir() string { return store.Join(s.run.root, s.Name) }

// status reads what is on disk of the stage.
func (s *stage) status(ctx context.Context) error {
	var err error
	s.manifest, err = ReadManifest(s.dir())
	if errors.Is(err, fs.ErrNotExist) {
		for _, err := range store.List(ctx, s.dir(), false) {
			if err != nil {
				return err
			}
			return fault.Hintf(fmt.Errorf("%s is not ours: it holds files, but no %s", s.dir(), ManifestName),
				"name the stage otherwise, move the folder away, or choose another folder with --out")
		}
		s.why = "never run"
		return nil
	}
	if err != nil {
		s.why = "its manifest cannot be read"
		return nil
	}
	if s.manifest.Key != s.key {
		s.why = "it changed"
		var old fingerprint
		if err := readJSONFile(s.fingerprintFile(), &old); err == nil && old.key() == s.manifest.Key {
			s.why = cmp.Or(s.fingerprint.changes(old), s.changedInput(old))
		}
		return nil
	}
	sizes, err := sizesOf(ctx, s.dir())
	if err != nil {
		return err
	}
	for _, f := range s.manifest.Shards {
		size, ok := sizes[f.Name]
		if !ok {
			s.why = "a file of its result is missing: " + f.Name
			return nil
		}
		if size != f.Bytes {
			s.why = "a file of its result has another size: " + f.Name
			return nil
		}
	}
	if name := s.damaged(); name != "" {
		s.why = "a file of its result differs from its manifest: " + name
		return nil
	}
	s.cached, s.why = true, "nothing changed"
	return nil
}

// sizesOf returns the sizes of the files below a folder, by their names in it.
func sizesOf(ctx context.Context, dir string) (map[string]int64, error) {
	sizes := map[string]int64{}
	for f, err := range store.List(ctx, dir, true) {
		if err != nil {
			return nil, err
		}
		sizes[store.Rel(dir, f.Name)] = f.Size
	}
	return sizes, nil
}

func (s *stage) changedInput(old fingerprint) string {
	for _, input := range sortedKeys(s.From) {
		for i, name := range s.From[input] {
			if keys := old.Inputs[input]; i >= len(keys) || keys[i] != s.fingerprint.Inputs[input][i] {
				return fmt.Sprintf("its input %s changed", name)
			}
		}
	}
	return "its inputs changed"
}

// fingerprintFile keeps what the stage's result was made of, to tell what changed.
func (s *stage) fingerprintFile() string {
	return store.Join(s.run.root, stateDir, "fingerprints", s.Name+".json")
}

// env is what all tasks of a stage have in common.
func (s *stage) env() *Env {
	return &Env{
		In: s.inputs, Home: store.Join(s.run.root, s.Name), Seed: s.run.c.Seed, Workers: s.run.o.workers(), CPU: s.run.o.CPU, Device: s.run.o.Device, World: s.run.o.World, Stage: s.Name, Limit: s.run.o.Limit,
		Progress: new(Meter), Log: s.run.log.With("stage", s.Name), done: map[string][]Done{},
	}
}

func sortedKeys[V any](ms ...map[string]V) []string {
	all := map[string]bool{}
	for _, m := range ms {
		for k := range m {
			all[k] = true
		}
	}
	return slices.SortedFunc(maps.Keys(all), strings.Compare)
}
