package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fragua/pipeline"
	"fragua/pipeline/store"
	"fragua/pipeline/store/s3test"
)

// A fakeKubernetes answers what the Job controller would, and runs pods as processes
// that share nothing but S3. It kills some of them, by a fixed seed.
type fakeKubernetes struct {
	t      *testing.T
	mu     sync.Mutex
	jobs   map[string]*fakeJob
	rng    *rand.Rand
	kills  int // that are left
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
		deleted, kill := j.deleted, time.Duration(0)
		if k.kills > 0 && k.rng.IntN(3) == 0 {
			k.kills--
			kill = time.Duration(20+k.rng.IntN(400)) * time.Millisecond
		}
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
		cmd.Env = append(os.Environ(), fmt.Sprint("JOB_COMPLETION_INDEX=", index))
		for _, e := range c.Env {
			cmd.Env = append(cmd.Env, e.Name+"="+strings.ReplaceAll(e.Value, "/scratch", scratch))
		}
		if kill > 0 {
			time.AfterFunc(kill, func() {
				if cmd.Process != nil {
					cmd.Process.Kill()
				}
			})
		}
		out, err := cmd.CombinedOutput()
		os.RemoveAll(scratch)
		<-k.places
		if err == nil {
			k.mu.Lock()
			j.succeeded++
			k.mu.Unlock()
			return
		}
		if kill == 0 {
			k.t.Logf("index %d of %s: %v\n%s", index, m.Metadata.Name, err, out)
		}
	}
	k.mu.Lock()
	j.failed++
	k.mu.Unlock()
}

// TestOnKubernetes runs the data stages in pods that die, with a bucket as the only
// storage that they share: the shards are those of one machine.
func TestOnKubernetes(t *testing.T) {
	s3test.Start(t, t.Setenv)
	const kills = 8
	k := &fakeKubernetes{t: t, jobs: map[string]*fakeJob{}, rng: rand.New(rand.NewPCG(8, 9)), kills: kills, places: make(chan struct{}, 4)}
	server := httptest.NewServer(k)
	defer server.Close()
	defer k.pods.Wait()

	dir, bucket := killerDir(t), "s3://"+s3test.Bucket
	config := strings.ReplaceAll(remote[:strings.Index(remote, "  - name: base")], "use: dedup,", "use: dedup, with: {match: {similar: {similarity: 0.5}}},")
	if err := os.WriteFile(filepath.Join(dir, "road.yaml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	books, err := filepath.Glob(filepath.Join(dir, "sample", "books", "*.txt"))
	if err != nil || len(books) == 0 {
		t.Fatalf("%d books, %v", len(books), err)
	}
	for _, name := range books {
		if _, _, err := store.Copy(t.Context(), name, store.Join(bucket, "library", filepath.Base(name))); err != nil {
			t.Fatal(err)
		}
	}
	raw := []string{"--set", "corpus.sources[0].books.path=" + bucket + "/library/*.txt", "--set", "corpus.part_bytes=16384"}
	mustRun(t, dir, "here", raw...)
	text := mustRun(t, dir, bucket+"/run", append(raw, "--on", "kubernetes", "--shards", "4", "--set", "cluster.server="+server.URL,
		"--set", "cluster.image=fragua:test", "--set", "cluster.visible=100ms")...)
	for _, stage := range []string{"corpus", "unique", "split", "bpe", "blocks"} {
		x, err := pipeline.ReadManifest(filepath.Join(dir, "here", stage))
		if err != nil {
			t.Fatal(err)
		}
		y, err := pipeline.ReadManifest(bucket + "/run/" + stage)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(x.Shards, y.Shards) || x.Key != y.Key {
			t.Errorf("%s: %+v, and here %+v", stage, y.Shards, x.Shards)
		}
	}
	if k.kills > 0 {
		t.Errorf("only %d pods were killed\n%s", kills-k.kills, text)
	}

	// What no pod could find is refused before anything is submitted.
	cmd, told := command(t.Context(), dir, "nowhere", append(raw, "--on", "kubernetes", "--set", "cluster.image=fragua:test")...)
	if err := cmd.Run(); err == nil || !strings.Contains(told.String(), "where no pod finds it") || !strings.Contains(told.String(), "cluster.volume") {
		t.Errorf("a run on this machine: %v\n%s", err, told)
	}
}
