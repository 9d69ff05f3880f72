package pipeline

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"

	"fragua/pipeline/store"
	"fragua/pipeline/store/s3test"
)

// remoteSums is sums of a run in another store.
func remoteSums(t *testing.T, out string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for f, err := range store.List(t.Context(), out, false) {
		if err != nil {
			t.Fatal(err)
		}
		m, err := ReadManifest(f.Name)
		if err != nil {
			continue // no stage, or none that is finished
		}
		if err := (Dir{f.Name, m}).Verify(); err != nil {
			t.Fatal(err)
		}
		files, err := sizesOf(t.Context(), f.Name)
		if err != nil || len(files) != len(m.Shards)+1 {
			t.Errorf("%s holds %d files, and its manifest names %d: %v", f.Name, len(files), len(m.Shards), err)
		}
		if _, all[m.Stage], err = store.HashFile(store.Join(f.Name, ManifestName)); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestResumeInS3 breaks a run in a bucket at every step of the engine, goes on, also
// on another machine, replaces a result by another, and finds the bytes of a local
// run and no leftovers.
func TestResumeInS3(t *testing.T) {
	s3test.Start(t, t.Setenv)
	dir := rawFiles(t)
	const shortRoad = "stages:\n- {name: text, use: lines, with: {files: [a.txt, b.txt]}}\n- {name: long, use: longest}\n"
	w := &world{}
	for i, c := range []*Config{parse(t, w, dir, shortRoad), parse(t, w, dir, shortRoad, "text.upper=true")} {
		whole := t.TempDir()
		if _, err := Run(t.Context(), c, Options{Out: whole}); err != nil {
			t.Fatal(err)
		}
		o := Options{Out: "s3://" + s3test.Bucket + "/run", Workers: 2}
		breaks := 0
		for nth := int64(1); broken(t, c, w, o, nth, "engine"); nth++ {
			if breaks++; breaks%3 == 0 {
				t.Setenv("XDG_CACHE_HOME", t.TempDir()) // another machine, which has none of the files
			}
		}
		if got, want := remoteSums(t, o.Out), sums(t, whole); !maps.Equal(got, want) || breaks < 3 {
			t.Errorf("configuration %d after %d breaks: %v, want %v", i, breaks, got, want)
		}
		for _, folder := range []string{"work", "lease"} {
			for f := range store.List(t.Context(), store.Join(o.Out, stateDir, folder), true) {
				t.Errorf("left behind: %s", f.Name)
			}
		}
	}
}

// TestFirstAttemptCounts: of two machines that finish a task, the first one's record
// stays, and the other takes it for its own.
func TestFirstAttemptCounts(t *testing.T) {
	s3test.Start(t, t.Setenv)
	kept := "s3://" + s3test.Bucket + "/tasks/0-read"
	task := Task{ID: "a", Part: []byte("1")}
	commit := func() *record {
		d := work{t.TempDir(), kept}.task(task.ID)
		if err := os.MkdirAll(d.run, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(d.run+"/x.txt", []byte("content"), 0o666); err != nil {
			t.Fatal(err)
		}
		rec, err := d.commit(t.Context(), task, Counts{})
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	first, second := commit(), commit()
	if first.Attempt != second.Attempt {
		t.Errorf("attempts %s and %s both count", first.Attempt, second.Attempt)
	}
	files, err := sizesOf(t.Context(), kept)
	if err != nil || len(files) != 2 || files["done/a/"+first.Attempt+"/x.txt"] != 7 {
		t.Errorf("the store holds %v, %v", files, err)
	}
	// A record whose files are gone is of no use: the next attempt replaces it.
	if err := store.Remove(t.Context(), store.Join(kept, "done/a", first.Attempt)); err != nil {
		t.Fatal(err)
	}
	if third := commit(); third.Attempt == first.Attempt {
		t.Error("a record without files counts")
	}
}

// TestLease: a directory in a bucket has one run at a time; a process that is gone
// holds it no longer.
func TestLease(t *testing.T) {
	s3test.Start(t, t.Setenv)
	root := "s3://" + s3test.Bucket + "/run"
	lease := store.Join(root, stateDir, "lease")
	_, release, err := acquireLease(t.Context(), lease, root)
	if err != nil {
		t.Fatal(err)
	}
	var locked *LockedError
	if _, _, err := acquireLease(t.Context(), lease, root); !errors.As(err, &locked) || locked.PID != os.Getpid() || hintOf(err) == "" {
		t.Errorf("a second run: %v", err)
	}
	release()

	dead := exec.Command(os.Args[0], "-test.run=^$")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	host, _ := os.Hostname()
	for number, note := range []string{
		fmt.Sprintf(`{"pid": %d, "host": %q}`, dead.Process.Pid, host),
		fmt.Sprintf(`{"pid": %d, "host": "elsewhere"}`, dead.Process.Pid),
	} {
		name := store.Join(root, stateDir, "lease", fmt.Sprintf("%08d.json", number+7))
		if err := store.PutNew(t.Context(), name, []byte(note)); err != nil {
			t.Fatal(err)
		}
		lease := store.Join(root, stateDir, "lease")
		_, release, err := acquireLease(t.Context(), lease, root)
		if taken := err == nil; taken != (number == 0) {
			t.Errorf("%s: %v", note, err)
		}
		if err == nil {
			release()
		} else if !strings.Contains(err.Error(), "elsewhere") {
			t.Errorf("the holder is not named: %v", err)
		}
	}
}
