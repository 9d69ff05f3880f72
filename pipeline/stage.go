package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"fragua/pipeline/store"
)

// A Stage turns finished directories into one new directory. Its struct is its
// YAML: exported fields carry yaml tags, the constructor in the table of stages
// sets the defaults, and the settings in force are part of the stage's key.
type Stage interface {
	Version() int    // raised whenever the same settings and inputs would give other bytes
	Inputs() []Input // what `from` may name
	Makes() Kind
	Phases() []Phase
}

// An Input is a place in a stage's `from`.
type Input struct {
	Name     string // key of the map form of `from`, and of Env.In
	Kind     Kind
	Optional bool
	Many     bool   // more than one stage may be named
	Instead  string // the required input that may be left out where this one is given; it is never filled by guess
}

// A Phase is a list of independent tasks between two barriers. The files that
// the tasks of a stage's last phase write are the stage's output; those of
// earlier phases are for the later phases alone (Env.Phase) and go when the
// stage is done.
type Phase struct {
	Name      string
	Exclusive bool // one task at a time, with all cores
	// Tasks is called after the barrier. It is a pure function of the settings
	// and of what is on disk, so that a resumed run asks for the same tasks.
	Tasks func(context.Context, *Env) ([]Task, error)
	// Do carries out one task: it writes its files into env.Out, under the names
	// that they keep in the stage's directory, and counts. The engine then
	// checksums them and writes the task's record, the unit of resume.
	Do func(context.Context, *Env, Task) (Counts, error)
}

// A Task is one unit of work, progress, resume and distribution.
type Task struct {
	ID   string          // unique within the phase; letters, digits, '-', '_', '.'
	Part json.RawMessage // what the task is about; it crosses processes
}

// NewTask returns a Task whose Part is v as JSON.
func NewTask(id string, v any) (Task, error) {
	b, err := json.Marshal(v)
	return Task{ID: id, Part: b}, err
}

// Env is all that a running stage may touch.
type Env struct {
	In       map[string][]Dir // finished inputs by Input.Name
	Out      string           // the task's own folder; "" while Tasks is called
	Home     string           // where the files of the finished stage will lie
	Scratch  string           // a folder of the task (of the stage, while Tasks is called) that survives a crash
	Seed     uint64
	Workers  int          // how many cores the task may use: 1 unless the phase is exclusive
	CPU      string       // the level of the kernels: plain, avx2, avx512, avx512bf16, amx
	Device   fmt.Stringer // what a DeviceStage computes on; nil: the CPU
	Stage    string       // the stage's name
	World    any          // the processes that share a training; nil: this one is alone
	Limit    int64        // stages that read raw files stop after this many documents a source; 0: no limit
	Progress Progress
	Log      *slog.Logger

	done map[string][]Done
}

// Done is a finished task of an earlier phase.
type Done struct {
	Task   Task
	Dir    string // where its files lie, in whatever store
	Counts Counts

	bytes int64 // of its files
}

// File returns the name of one of the task's files, which package store opens.
func (d Done) File(name string) string { return store.Join(d.Dir, name) }

// Phase returns the finished tasks of an earlier phase of the same stage, in
// the order in which that phase listed them.
func (e *Env) Phase(name string) []Done { return e.done[name] }

// One returns the single input of that name, or the zero Dir if it is optional
// and absent; the plan has already checked that there is no other case.
func (e *Env) One(name string) Dir {
	if ds := e.In[name]; len(ds) > 0 {
		return ds[0]
	}
	return Dir{}
}

// Progress hears how a task goes. Its methods are safe for concurrent use.
type Progress interface {
	Expect(total int64, unit string) // what lies ahead, in bytes, documents, steps …
	Advance(n int64)
	Say(line string) // a line worth keeping: a loss, a sample, a warning
	Measure(Point)   // of a curve, as soon as it is known
}

// A Point is one of a curve that grows while a stage works. In the end the curve
// stands in the stage's metrics.
type Point struct {
	Curve string  `json:"curve"` // Curve.Name: train, validation
	Unit  string  `json:"unit"`  // Curve.Y: bits per byte
	Step  int64   `json:"step"`  // Curve.X
	Value float64 `json:"value"` // finite
}

// Settings may also implement the following.
type (
	// RawInputs is a stage that reads raw files; their content is part of the stage's key. It
	// returns an error that names the pattern where nothing matches.
	RawInputs interface{ Reads() ([]RawFile, error) }

	// A Reviewer looks at what its finished stage counted, and says in a line each what a
	// person should look at. It is asked at the end of every run, also of one that found the
	// stage finished.
	Reviewer interface{ Review(Counts) []string }

	// A FloatStage's bytes depend on the level of the kernels; the level and the
	// precision are part of its key.
	FloatStage interface{ Precision() string }

	// A DeviceStage is a FloatStage that computes on the run's device, if it has one; the
	// device is part of its key too.
	DeviceStage interface{ OnDevice() }
)

// A RawFile is a file from outside the run.
type RawFile struct {
	Name string // as its documents know it: relative, with slashes; stands in the key
	Path string // where it lies on this machine
}
