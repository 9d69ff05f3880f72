package studio

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
)

const logLines = 400 // of a job that are kept

// A job is a run that the studio started.
type job struct {
	ID        int
	Name, Out string

	mu   sync.Mutex
	last map[string]any // the last progress that it told
	log  []string
	end  string // how it ended; "" while it runs
	cmd  *exec.Cmd
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
	var event map[string]any
	if json.Unmarshal([]byte(line), &event) == nil {
		if event["event"] == "progress" {
			j.last = event
			return
		}
		var parts []string
		for _, key := range []string{"stage", "event", "phase", "line"} {
			if text, _ := event[key].(string); text != "" {
				parts = append(parts, text)
			}
		}
		line = strings.Join(parts, " ")
	}
	if j.log = append(j.log, line); len(j.log) > logLines {
		j.log = j.log[1:]
	}
}

// state is what a page asks for while a job runs.
func (j *job) state() map[string]any {
	j.mu.Lock()
	defer j.mu.Unlock()
	return map[string]any{"progress": j.last, "log": strings.Join(j.log, "\n"), "end": j.end}
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
	return writeJSON(w, j.state())
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
