package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"time"

	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// Files of a run directory beside its stages.
const (
	ResolvedName = "resolved.yaml"
	InfoName     = "run.json"
)

// RunInfo is run.json: all that a run's bytes do not depend on.
type RunInfo struct {
	Program string      `json:"program,omitempty"`
	Config  string      `json:"config,omitempty"` // where it was read
	Name    string      `json:"name"`
	Dir     string      `json:"dir"` // what its relative paths resolve against
	Host    string      `json:"host"`
	System  string      `json:"system"`
	Go      string      `json:"go"`
	CPU     string      `json:"cpu,omitempty"`
	Workers int         `json:"workers"`
	Limit   int64       `json:"limit,omitempty"`
	Began   time.Time   `json:"began"`
	Ended   time.Time   `json:"ended"`
	Error   string      `json:"error,omitempty"`
	Stages  []StageInfo `json:"stages"` // in the configuration's order; those that did not run keep what an earlier run wrote
}

// StageInfo says when and how a stage ran.
type StageInfo struct {
	Name    string    `json:"name"`
	Use     string    `json:"use"`
	Key     string    `json:"key"`
	Began   time.Time `json:"began"`
	Seconds float64   `json:"seconds"`
	Workers int       `json:"workers"`
	Tasks   int       `json:"tasks"`
	Resumed int       `json:"resumed,omitempty"`
	Error   string    `json:"error,omitempty"`
}

func (r *run) newInfo() *RunInfo {
	host, _ := os.Hostname()
	info := &RunInfo{
		Program: r.o.Program, Config: r.o.Config, Name: r.c.Name, Dir: r.c.Dir, Host: host,
		System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), CPU: r.o.CPU,
		Workers: r.o.workers(), Limit: r.o.Limit, Began: time.Now(),
	}
	var old RunInfo
	if err := readJSONFile(store.Join(r.root, InfoName), &old); err != nil {
		old.Stages = nil // none yet; a damaged one holds nothing that the next run needs
	}
	for _, e := range r.c.Stages {
		mine := StageInfo{Name: e.Name, Use: e.Use}
		for _, s := range old.Stages {
			if s.Name == e.Name {
				mine = s
			}
		}
		info.Stages = append(info.Stages, mine)
	}
	return info
}

func (info *RunInfo) stage(res *StageResult, began time.Time, err error) {
	for i := range info.Stages {
		if info.Stages[i].Name == res.Name {
			info.Stages[i] = StageInfo{Name: res.Name, Use: res.Use, Key: res.Key, Began: began,
				Seconds: res.Took.Seconds(), Workers: info.Workers, Tasks: res.Tasks, Resumed: res.Resumed}
			if err != nil {
				info.Stages[i].Error = err.Error()
			}
		}
	}
}

func (info *RunInfo) end(err error) {
	info.Ended = time.Now()
	if err != nil {
		info.Error = err.Error()
	}
}

func (info *RunInfo) write(root string) error {
	return writeJSONFile(store.Join(root, InfoName), info)
}

// A RunDir is a run directory, read.
type RunDir struct {
	Path   string
	Info   RunInfo
	Stages []Dir // the finished ones, in the configuration's order
}

// OpenRun reads a run directory: run.json and the manifests of the stages that
// it names.
func OpenRun(path string) (*RunDir, error) {
	d := &RunDir{Path: path}
	if err := readJSONFile(store.Join(path, InfoName), &d.Info); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fault.Hintf(fmt.Errorf("%s is no run: it holds no %s", path, InfoName), "name the folder that `fragua run` wrote, such as runs/quickstart")
		}
		return nil, err
	}
	for _, s := range d.Info.Stages {
		dir := Dir{Path: store.Join(path, s.Name)}
		var err error
		if dir.Manifest, err = ReadManifest(dir.Path); err == nil {
			d.Stages = append(d.Stages, dir)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return d, nil
}

// Stage returns a finished stage by its name.
func (d *RunDir) Stage(name string) (Dir, bool) {
	for _, s := range d.Stages {
		if s.Manifest.Stage == name {
			return s, true
		}
	}
	return Dir{}, false
}

// Config reads back the configuration that was in force.
func (d *RunDir) Config(table Table) (*Config, error) {
	name := store.Join(d.Path, ResolvedName)
	src, err := store.ReadFile(name)
	if err != nil {
		return nil, err
	}
	c, err := Parse(name, src, d.Info.Dir, table, nil)
	if c != nil {
		c.Name = d.Info.Name
	}
	return c, err
}
