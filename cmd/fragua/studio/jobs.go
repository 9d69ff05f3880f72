package studio

import (
	"bufio"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"fragua/cmd/fragua/curves"
	"fragua/pipeline"
	"fragua/pipeline/report"
)

const logLines = 400 // of a job that are kept

// A job is a run that the studio started.
type job struct {
	ID        int
	Name, Out string

	mu     sync.Mutex
	last   map[string]any // the last progress that it told
	stages []jobStage     // those that began
	log    []string
	end    string // how it ended; "" while it runs
	cmd    *exec.Cmd
}

// A jobStage is a stage of a job: running, skipped, or done in this many seconds.
type jobStage struct {
	Name    string  `json:"name"`
	State   string  `json:"state"`
	Seconds float64 `json:"seconds,omitempty"`
}

type jobs struct {
	mu  sync.Mutex
	all []*job
}

func (js *jobs) list() []*job {
	js.mu.Lock()
	defer js.mu.Unlock()
	return slices.Clone(js.all)
}

func (js *jobs) start(command []string, name, out string) (*job, error) {
	j := &job{Name: name, Out: out, last: map[string]any{}, cmd: exec.Command(command[0], command[1:]...)}
	lines, err := j.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := j.cmd.Start(); err != nil {
		return nil, err
	}
	js.mu.Lock()
	j.ID = len(js.all)
	js.all = append(js.all, j)
	js.mu.Unlock()
	go func() {
		in := bufio.NewScanner(lines)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			j.hear(in.Text())
		}
		err := j.cmd.Wait()
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.end = "done"; err != nil {
			j.end = "failed: " + err.Error()
		}
	}()
	return j, nil
}

// hear takes a line of a run's log: JSON, or the sentence of an error.
func (j *job) hear(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var event struct {
		Event, Stage, Phase, Line string
		Seconds                   float64
	}
	if json.Unmarshal([]byte(line), &event) == nil {
		switch event.Event {
		case "progress":
			j.last = map[string]any{}
			json.Unmarshal([]byte(line), &j.last) // it was parsed just now
			return
		case "point", "phase":
			return // the page draws curves, and the progress names its phase
		case "stage":
			j.stages = append(j.stages, jobStage{Name: event.Stage, State: "running"})
		case "skip":
			j.stages = append(j.stages, jobStage{Name: event.Stage, State: "skipped"})
		case "done":
			if n := len(j.stages); n > 0 {
				j.stages[n-1].State, j.stages[n-1].Seconds = "done", event.Seconds
			}
			return
		}
		line = strings.TrimPrefix(event.Stage+": "+event.Line, ": ")
	}
	if j.log = append(j.log, line); len(j.log) > logLines {
		j.log = j.log[1:]
	}
}

// state is what a page asks for while a job runs. charts are the curves of the
// stage that trains, or that trained last.
func (j *job) state() (map[string]any, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	charts := []template.HTML{}
	for _, s := range slices.Backward(j.stages) {
		found, err := curves.Read(j.Out, s.Name)
		if err != nil {
			return nil, err
		}
		if found = slices.DeleteFunc(found, func(c pipeline.Curve) bool { return c.Y == "norm" || c.Y == "learning rate" }); len(found) > 0 {
			for i := range found {
				found[i].Name = s.Name + " " + found[i].Name
			}
			charts = report.Charts(found)
			break
		}
	}
	return map[string]any{"progress": j.last, "stages": j.stages, "charts": charts, "log": strings.Join(j.log, "\n"), "end": j.end}, nil
}

// Running says whether the job has not ended.
func (j *job) Running() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.end == ""
}

// End says how the job ended.
func (j *job) End() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.end
}

func (s *Studio) findJob(r *http.Request) (*job, error) {
	all := s.jobs.list()
	id := number(r, "id", 0, -1)
	if id < 0 || id >= int64(len(all)) {
		return nil, fmt.Errorf("there is no job %q: %w", r.FormValue("id"), errNotFound)
	}
	return all[id], nil
}

func (s *Studio) job(w http.ResponseWriter, r *http.Request) error {
	j, err := s.findJob(r)
	if err != nil {
		return err
	}
	return s.page(w, "job.html", map[string]any{"Title": j.Name, "Job": j})
}

func (s *Studio) jobState(w http.ResponseWriter, r *http.Request) error {
	j, err := s.findJob(r)
	if err != nil {
		return err
	}
	state, err := j.state()
	if err != nil {
		return err
	}
	return writeJSON(w, state)
}

// stopJob interrupts a run as Ctrl-C does: it can go on later.
func (s *Studio) stopJob(w http.ResponseWriter, r *http.Request) error {
	j, err := s.findJob(r)
	if err != nil {
		return err
	}
	if j.Running() {
		if err := j.cmd.Process.Signal(os.Interrupt); err != nil {
			return err
		}
	}
	http.Redirect(w, r, "/job?id="+fmt.Sprint(j.ID), http.StatusSeeOther)
	return nil
}
