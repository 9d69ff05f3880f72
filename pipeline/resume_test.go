package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"fragua/pipeline/fault"
)

// broken breaks a run at its nth opportunity, in tasks or in the engine.
func broken(t *testing.T, c *Config, w *world, o Options, nth int64, how string) (wasBroken bool) {
	t.Helper()
	var n atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	trouble := func(where string) error {
		if n.Add(1) != nth {
			return nil
		}
		switch how {
		case "panic":
			panic(errBroken)
		case "cancel":
			cancel()
			return ctx.Err()
		}
		return errBroken
	}
	w.trouble = trouble
	defer func() { w.trouble = nil }()
	r, err := newRun(c, o)
	if err != nil {
		t.Fatal(err)
	}
	if how == "engine" {
		w.trouble = nil
		r.step = trouble
	}
	_, err = r.do(ctx)
	switch {
	case err == nil:
		return false
	case how == "cancel" && !errors.Is(err, context.Canceled), how != "cancel" && !errors.Is(err, errBroken):
		t.Fatalf("%s at %d: %v", how, nth, err)
	}
	return true
}

// However often and wherever a run is broken off, the run that comes through
// leaves the bytes of one that was never disturbed.
func TestResume(t *testing.T) {
	t.Parallel()
	dir := rawFiles(t)
	whole := t.TempDir()
	if _, err := Run(t.Context(), parse(t, &world{}, dir, roadYAML), Options{Out: whole, Workers: 3, CPU: "avx2"}); err != nil {
		t.Fatal(err)
	}
	want := sums(t, whole)
	for _, workers := range []int{1, 8} {
		for _, how := range []string{"error", "panic", "cancel", "engine"} {
			t.Run(fmt.Sprintf("%s-%d", how, workers), func(t *testing.T) {
				t.Parallel() // most of the time goes into waiting for the disk
				w := &world{}
				c := parse(t, w, dir, roadYAML)
				o := Options{Out: t.TempDir(), Workers: workers, CPU: "avx2"}
				// Every place once, going on from what the last break left.
				breaks := 0
				for nth := int64(1); broken(t, c, w, o, nth, how); nth++ {
					breaks++
				}
				if got := sums(t, o.Out); !maps.Equal(got, want) {
					t.Errorf("after %d breaks: %v, want %v", breaks, got, want)
				}
				if breaks < 3 {
					t.Errorf("only %d breaks", breaks)
				}
				// One place alone.
				o.Out = t.TempDir()
				broken(t, c, w, o, 1+rand.New(rand.NewPCG(uint64(workers), 1)).Int64N(30), how)
				if _, err := Run(t.Context(), c, o); err != nil {
					t.Fatal(err)
				}
				if got := sums(t, o.Out); !maps.Equal(got, want) {
					t.Errorf("%v, want %v", got, want)
				}
			})
		}
	}
}

// At every step of a re-run the folder of a stage holds the old result or the
// new one, whole; between the two renames it may be missing, and comes back.
func TestSwapIsCrashSafe(t *testing.T) {
	t.Parallel()
	dir := rawFiles(t)
	w := &world{}
	const shortRoad = "stages:\n- {name: text, use: lines, with: {files: [a.txt, b.txt]}}\n- {name: long, use: longest}\n"
	first := parse(t, w, dir, shortRoad)
	second := parse(t, w, dir, shortRoad, "text.upper=true")
	a, b := t.TempDir(), t.TempDir()
	for out, c := range map[string]*Config{a: first, b: second} {
		if _, err := Run(t.Context(), c, Options{Out: out}); err != nil {
			t.Fatal(err)
		}
	}
	before, after := sums(t, a), sums(t, b)
	for nth := int64(1); ; nth++ {
		out := t.TempDir()
		o := Options{Out: out}
		if _, err := Run(t.Context(), first, o); err != nil {
			t.Fatal(err)
		}
		wasBroken := broken(t, second, w, o, nth, "engine")
		for name, sum := range sums(t, out) {
			if sum != before[name] && sum != after[name] {
				t.Fatalf("break %d: %s is neither the old nor the new result", nth, name)
			}
		}
		// Whoever comes next may want the old settings or the new ones.
		if nth%2 == 0 {
			if _, err := Run(t.Context(), first, o); err != nil {
				t.Fatalf("break %d: %v", nth, err)
			}
			if got := sums(t, out); !maps.Equal(got, before) {
				t.Fatalf("break %d, old settings: %v, want %v", nth, got, before)
			}
		}
		if _, err := Run(t.Context(), second, o); err != nil {
			t.Fatalf("break %d: %v", nth, err)
		}
		if got := sums(t, out); !maps.Equal(got, after) {
			t.Fatalf("break %d: %v, want %v", nth, got, after)
		}
		if left, _ := os.ReadDir(filepath.Join(out, stateDir, "old")); len(left) > 0 {
			t.Fatalf("break %d: left behind: %v", nth, left)
		}
		if !wasBroken {
			if nth < 15 {
				t.Errorf("only %d steps", nth)
			}
			return
		}
	}
}

// A damaged file of a finished task is noticed, and the task done again.
func TestResumeVerifiesRecords(t *testing.T) {
	dir := rawFiles(t)
	w := &world{}
	c := parse(t, w, dir, roadYAML)
	o := Options{Out: t.TempDir(), Workers: 1}
	w.trouble = func(where string) error {
		if where == "read 00002" {
			return errBroken
		}
		return nil
	}
	if _, err := Run(t.Context(), c, o); !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "stage text: read 00002") {
		t.Fatal(err)
	}
	plan, err := Plan(t.Context(), c, o)
	if err != nil || plan[0].Why != "interrupted: 2 of 4 tasks done" {
		t.Errorf("plan: %+v, %v", plan, err)
	}
	hurt, _ := filepath.Glob(filepath.Join(o.Out, stateDir, "work", "text.*", "0-read", "done", "00001", "train-*"))
	if len(hurt) != 1 {
		t.Fatalf("%v", hurt)
	}
	raw, _ := os.ReadFile(hurt[0])
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(hurt[0], raw, 0o666); err != nil {
		t.Fatal(err)
	}
	var done []string
	w.trouble = func(where string) error { done = append(done, where); return nil }
	res, err := Run(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	if res.Stages[0].Why != "interrupted: 2 of 4 tasks done" {
		t.Errorf("why: %s", res.Stages[0].Why)
	}
	if slices.Contains(done, "read 00000") || !slices.Contains(done, "read 00001") || res.Stages[0].Resumed != 1 || res.Stages[0].Tasks != 4 {
		t.Errorf("did %v; %+v", done, res.Stages[0])
	}
}

func TestScratchSurvives(t *testing.T) {
	dir := rawFiles(t)
	w := &world{}
	c := parse(t, w, dir, roadYAML)
	o := Options{Out: t.TempDir(), CPU: "avx512"}
	steps := 0
	w.trouble = func(where string) error {
		if strings.HasPrefix(where, "step") {
			steps++
		}
		if where == "step 2" {
			return errBroken
		}
		return nil
	}
	if _, err := Run(t.Context(), c, o); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	// Another level is refused, unless it is asked for.
	other := o
	other.CPU = "avx2"
	_, err := Run(t.Context(), c, other)
	var usage *fault.UsageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "avx512") || !strings.Contains(hintOf(err), "--other-cpu") {
		t.Errorf("another level: %v (%s)", err, hintOf(err))
	}
	other.OtherCPU = true
	var said []string
	other.Observe = func(e Event) {
		if e.Kind == EventSay {
			said = append(said, e.Line)
		}
	}
	w.trouble = func(where string) error {
		if strings.HasPrefix(where, "step") {
			steps++
		}
		return nil
	}
	if _, err := Run(t.Context(), c, other); err != nil {
		t.Fatal(err)
	}
	if steps != 4 || !slices.Equal(said, []string{"step 3"}) {
		t.Errorf("%d steps, said %v: the checkpoint was not used", steps, said)
	}
}
