package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fragua/pipeline/fault"
)

// TestMain lets the test binary be the process that TestKill kills.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "run-slowly" {
		w := &world{trouble: func(string) error { time.Sleep(3 * time.Millisecond); return nil }}
		c, err := Parse("road.yaml", []byte(roadYAML), os.Args[2], w.table(), nil)
		if err == nil {
			_, err = Run(context.Background(), c, Options{Out: os.Args[3], Workers: 2, CPU: "avx2"})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) > 2 && os.Args[1] == "work" {
		os.Exit(workerMain(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// Killed at any moment, the next run goes on, and the last one leaves the bytes
// of a run that was never disturbed.
func TestKill(t *testing.T) {
	dir := rawFiles(t)
	whole, out := t.TempDir(), t.TempDir()
	if _, err := Run(t.Context(), parse(t, &world{}, dir, roadYAML), Options{Out: whole, CPU: "avx2"}); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(8, 9))
	killed := 0
	for range 40 {
		cmd := exec.Command(os.Args[0], "run-slowly", dir, out)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(10+r.IntN(50))*time.Millisecond, func() { cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		if stderr.Len() > 0 {
			t.Fatalf("after %d kills: %s", killed, stderr.String())
		}
		if err == nil {
			break
		}
		killed++
	}
	if _, err := Run(t.Context(), parse(t, &world{}, dir, roadYAML), Options{Out: out, CPU: "avx2"}); err != nil {
		t.Fatalf("after %d kills: %v", killed, err)
	}
	if killed == 0 {
		t.Error("nothing was killed")
	}
	if got, want := sums(t, out), sums(t, whole); !maps.Equal(got, want) {
		t.Errorf("after %d kills: %v, want %v", killed, got, want)
	}
	t.Logf("%d kills", killed)
}

// A signal's own cause still counts as an interruption.
func TestInterruptedBySignal(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	w := &world{}
	w.trouble = func(where string) error {
		if where == "read 00001" {
			cancel(errors.New("interrupt signal received"))
			return context.Cause(ctx)
		}
		return nil
	}
	out := t.TempDir()
	_, err := Run(ctx, parse(t, w, rawFiles(t), roadYAML), Options{Out: out, Workers: 1})
	if !errors.Is(err, context.Canceled) || err.Error() != "interrupted in stage text: context canceled" || hintOf(err) == "" {
		t.Errorf("%v", err)
	}
	d, err := OpenRun(out)
	if err != nil || !strings.Contains(d.Info.Error, "interrupted") || len(d.Stages) != 0 {
		t.Errorf("%+v, %v", d, err)
	}
}

// A run that is refused before it begins leaves no folder.
func TestRefusedRunLeavesNothing(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	c := parse(t, &world{}, t.TempDir(), roadYAML)
	var usage *fault.UsageError
	if _, err := Run(t.Context(), c, Options{Out: out}); !errors.As(err, &usage) {
		t.Errorf("%v", err)
	}
	if _, err := Plan(t.Context(), parse(t, &world{}, rawFiles(t), roadYAML), Options{Out: out}); err != nil {
		t.Errorf("%v", err)
	}
	if fileExists(out) {
		t.Error("the folder was made")
	}
}
