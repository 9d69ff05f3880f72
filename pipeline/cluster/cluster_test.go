package cluster

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fragua/pipeline/fault"
)

// TestRanges: what ranges writes, Pick reads.
func TestRanges(t *testing.T) {
	if got := ranges([]int{0, 1, 2, 3, 7, 9, 10}); got != "0-3,7,9-10" {
		t.Error(got)
	}
	rapid.Check(t, func(t *rapid.T) {
		indices := rapid.SliceOfNDistinct(rapid.IntRange(0, 60), 1, 40, rapid.ID[int]).Draw(t, "indices")
		slices.Sort(indices)
		text := ranges(indices)
		for n, want := range indices {
			if got, err := Pick(text, n); err != nil || got != want {
				t.Fatalf("%s: number %d is %d, %v, want %d", text, n, got, err, want)
			}
		}
		if _, err := Pick(text, len(indices)); err == nil {
			t.Fatal("one more is no error")
		}
	})
	for _, bad := range []string{"", "a", "3-1", "-1", "1,,2"} {
		if _, err := Pick(bad, 2); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

// TestShellWords: a shell reads back what was written.
func TestShellWords(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no shell")
	}
	words := []string{"plain", "", "a b", "it's", `"$HOME"`, "back\\slash", "línea\nnueva", "s3://bucket/run"}
	out, err := exec.Command("sh", "-c", "printf '%s\\0' "+shellWords(words)).Output()
	if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); err != nil || !slices.Equal(got, words) {
		t.Errorf("%q, %v", got, err)
	}
}

func testBatch() Batch {
	return Batch{Name: "corpus.read", Command: []string{"/opt/fragua", "work", "/shared/my run", "--shards", "9"}, Indices: []int{0, 1, 2, 5}, Logs: "/shared/logs"}
}

func TestSlurmScript(t *testing.T) {
	s := Default()
	s.On, s.Partition, s.Account, s.Parallel, s.Time = OnSlurm, "cpu", "lab", 2, 90*time.Second
	s.Sbatch, s.Environment = []string{"--constraint=avx512"}, map[string]string{"B": "two words", "A": "1"}
	want := `#!/bin/sh
#SBATCH --job-name=fragua.corpus.read
#SBATCH --array=0-2,5%2
#SBATCH --output=/shared/logs/corpus.read-%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem=4096M
#SBATCH --time=2
#SBATCH --partition=cpu
#SBATCH --account=lab
#SBATCH --constraint=avx512
export A=1
export 'B=two words'
exec /opt/fragua work '/shared/my run' --shards 9
`
	scheduler, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	if got := scheduler.Script(testBatch()); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	b := testBatch()
	b.Whole = true
	if got := scheduler.Script(b); !strings.Contains(got, "--exclusive\n") || strings.Contains(got, "--cpus-per-task") {
		t.Error(got)
	}
}

func TestCheck(t *testing.T) {
	for path, change := range map[string]func(*Settings){
		"shards":    func(s *Settings) { s.Shards = 0 },
		"memory_mb": func(s *Settings) { s.MemoryMB = 1 },
		"time":      func(s *Settings) { s.Time = -1 },
		"image":     func(s *Settings) { s.On = OnKubernetes },
		"volume":    func(s *Settings) { s.Volume = "claim" },
		"sbatch[0]": func(s *Settings) { s.Sbatch = []string{"mem=3"} },
	} {
		s := Default()
		change(&s)
		if f := s.Check(); len(f) != 1 || f[0].Path != path || f[0].Hint == "" {
			t.Errorf("%s: %+v", path, f)
		}
	}
}

// TestKubernetes: what is asked of the server, and what its answers mean.
func TestKubernetes(t *testing.T) {
	var asked []string
	var sent object
	status := `{"spec": {"completions": 4}, "status": {"succeeded": 1}}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		switch {
		case r.Method == http.MethodPost:
			json.NewDecoder(r.Body).Decode(&sent)
			w.WriteHeader(http.StatusCreated)
		case strings.HasSuffix(r.URL.Path, "/forgotten"):
			w.WriteHeader(http.StatusNotFound)
		case r.Method == http.MethodGet:
			fmt.Fprint(w, status)
		}
	}))
	defer server.Close()
	s := Default()
	s.On, s.Image, s.Namespace, s.Server, s.Volume, s.Secret = OnKubernetes, "registry/fragua:1", "lab", server.URL, "claim:/data", "keys"
	k, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	job, err := k.Submit(ctx, testBatch())
	if err != nil || !strings.HasPrefix(job, "fragua-corpus-read-") {
		t.Fatalf("%s, %v", job, err)
	}
	text, err := json.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"completions":4`, `"completionMode":"Indexed"`, `"--pick","0-2,5"`, `"claimName":"claim"`, `"mountPath":"/data"`, `"memory":"4096Mi"`, `"secretRef":{"name":"keys"}`, `"image":"registry/fragua:1"`, `"namespace":"lab"`} {
		if !strings.Contains(string(text), part) {
			t.Errorf("%s is not in %s", part, text)
		}
	}
	if n, err := k.Active(ctx, job); n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	status = `{"spec": {"completions": 4}, "status": {"succeeded": 3, "conditions": [{"type": "Failed", "status": "True"}]}}`
	if n, err := k.Active(ctx, job); n != 0 || err != nil {
		t.Errorf("a job that failed: %d, %v", n, err)
	}
	if n, err := k.Active(ctx, "forgotten"); n != 0 || err != nil {
		t.Errorf("a job that is gone: %d, %v", n, err)
	}
	if err := errors.Join(k.Cancel(ctx, job), k.Cancel(ctx, "forgotten")); err != nil {
		t.Error(err)
	}
	if want := "POST /apis/batch/v1/namespaces/lab/jobs"; asked[0] != want {
		t.Errorf("%s, want %s", asked[0], want)
	}
	if l := k.Log(testBatch(), job, 5); !strings.Contains(l, "job-completion-index=3") {
		t.Error(l)
	}
	server.Close()
	var hint *fault.Hint
	if _, err := k.Active(ctx, job); !errors.As(err, &hint) {
		t.Errorf("no server: %v", err)
	}
}

// TestKubeconfig: who we are and where the server is, or why not, with the way around.
func TestKubeconfig(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	const head = "current-context: mine\ncontexts: [{name: mine, context: {cluster: c, user: u}}, {name: other, context: {cluster: d, user: u}}]\n"
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"spec": {"completions": %d}}`, len(r.Header.Get("Authorization")))
	}))
	defer server.Close()
	ca := base64.StdEncoding.EncodeToString([]byte("-----BEGIN CERTIFICATE-----\n" + base64.StdEncoding.EncodeToString(server.Certificate().Raw) + "\n-----END CERTIFICATE-----\n"))
	clusters := fmt.Sprintf("clusters: [{name: c, cluster: {server: %q, certificate-authority-data: %s}}]\n", server.URL, ca)
	for _, c := range []struct{ name, config, wrong string }{
		{"token", head + clusters + "users: [{name: u, user: {token: secret}}]", ""},
		{"program", head + clusters + "users: [{name: u, user: {exec: {command: aws}}}]", "logs in by a program"},
		{"no cluster", head + "clusters: []", "names no cluster"},
		{"unchecked", head + "clusters: [{name: c, cluster: {server: x, insecure-skip-tls-verify: true}}]", "skips the check"},
		{"broken", "[", "config"},
	} {
		name := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(name, []byte(c.config), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("KUBECONFIG", name)
		s := Default()
		s.On, s.Image = OnKubernetes, "x"
		k, err := New(s)
		if err != nil {
			t.Fatal(err)
		}
		n, err := k.Active(context.Background(), "job")
		var hint *fault.Hint
		switch {
		case c.wrong == "" && (err != nil || n != len("Bearer secret")):
			t.Errorf("%s: %d, %v", c.name, n, err)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong) || !errors.As(err, &hint) || !strings.Contains(hint.Fix, "kubectl proxy")):
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
