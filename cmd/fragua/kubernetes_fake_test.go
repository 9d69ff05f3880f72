//go:build !kubernetes

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A fakeKubernetes answers what the Job controller would, and runs pods as processes
// that share nothing but S3. Some of them die (mortal).
type fakeKubernetes struct {
	t      *testing.T
	mu     sync.Mutex
	jobs   map[string]*fakeJob
	places chan struct{}
	pods   sync.WaitGroup
}

type fakeJob struct {
	completions, succeeded, failed int
	deleted                        bool
}

type jobManifest struct {
	Metadata struct{ Name, Namespace string }
	Spec     struct {
		CompletionMode       string
		Completions          int
		BackoffLimitPerIndex int
		Template             struct {
			Spec struct {
				Containers []struct {
					Image   string
					Command []string
					Env     []struct{ Name, Value string }
				}
			}
		}
	}
}

func (k *fakeKubernetes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	name := path.Base(r.URL.Path)
	job := k.jobs[name]
	switch {
	case r.Method == http.MethodPost && r.URL.Path == "/apis/batch/v1/namespaces/default/jobs":
		var m jobManifest
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil || m.Spec.CompletionMode != "Indexed" || m.Spec.Template.Spec.Containers[0].Image != "fragua:test" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"message": "no job: %v"}`, err)
			return
		}
		j := &fakeJob{completions: m.Spec.Completions}
		k.jobs[m.Metadata.Name] = j
		for i := range m.Spec.Completions {
			k.pods.Go(func() { k.index(j, m, i) })
		}
		w.WriteHeader(http.StatusCreated)
	case job == nil || job.deleted:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, `{"message": "jobs.batch %q not found"}`, name)
	case r.Method == http.MethodDelete:
		job.deleted = true
	case r.Method == http.MethodGet:
		condition := ""
		if job.succeeded == job.completions {
			condition = `{"type": "Complete", "status": "True"}`
		} else if job.succeeded+job.failed == job.completions {
			condition = `{"type": "Failed", "status": "True"}`
		}
		fmt.Fprintf(w, `{"spec": {"completions": %d}, "status": {"succeeded": %d, "conditions": [%s]}}`, job.completions, job.succeeded, condition)
	}
}

// index runs the pods of an index, until one succeeds or its limit is reached.
func (k *fakeKubernetes) index(j *fakeJob, m jobManifest, index int) {
	c := m.Spec.Template.Spec.Containers[0]
	for range 1 + m.Spec.BackoffLimitPerIndex {
		k.places <- struct{}{}
		k.mu.Lock()
		deleted := j.deleted
		k.mu.Unlock()
		if deleted {
			<-k.places
			return
		}
		cmd := exec.Command(c.Command[0], c.Command[1:]...)
		scratch, err := os.MkdirTemp("", "pod")
		if err != nil {
			k.t.Error(err)
		}
		log, err := os.Create(filepath.Join(scratch, "log"))
		if err != nil {
			k.t.Error(err)
		}
		cmd.Stdout, cmd.Stderr = log, log
		cmd.Env = append(os.Environ(), fmt.Sprint("JOB_COMPLETION_INDEX=", index))
		for _, e := range c.Env {
			cmd.Env = append(cmd.Env, e.Name+"="+strings.ReplaceAll(e.Value, "/scratch", scratch))
		}
		err = cmd.Run()
		out, _ := os.ReadFile(log.Name())
		log.Close()
		os.RemoveAll(scratch)
		<-k.places
		if err == nil {
			k.mu.Lock()
			j.succeeded++
			k.mu.Unlock()
			return
		}
		if cmd.ProcessState.ExitCode() >= 0 { // -1: killed
			k.t.Logf("index %d of %s: %v\n%s", index, m.Metadata.Name, err, out)
		}
	}
	k.mu.Lock()
	j.failed++
	k.mu.Unlock()
}

// startKubernetes returns the flags that lead to it.
func startKubernetes(t *testing.T) []string {
	k := &fakeKubernetes{t: t, jobs: map[string]*fakeJob{}, places: make(chan struct{}, 4)}
	server := httptest.NewServer(k)
	t.Cleanup(func() {
		k.pods.Wait()
		server.Close()
	})
	return []string{"--set", "cluster.server=" + server.URL}
}
