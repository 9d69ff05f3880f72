package pipeline

import (
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

func TestRunSkipsAndReruns(t *testing.T) {
	w := &world{}
	dir, out := rawFiles(t), filepath.Join(t.TempDir(), "runs", "road")
	run := func(o Options, sets ...string) ([]string, *Result) {
		t.Helper()
		o.Out = out
		if o.CPU == "" {
			o.CPU = "avx2"
		}
		res, err := Run(t.Context(), parse(t, w, dir, roadYAML, sets...), o)
		if err != nil {
			t.Fatal(err)
		}
		return ran(res), res
	}
	check := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: ran %v, want %v", what, got, want)
		}
	}
	got, res := run(Options{})
	check("first", got, "text", "long", "model")
	first := sums(t, out)
	m := res.Stages[0].Dir.Manifest
	if m.Counts.Read != m.Counts.Kept+m.Counts.Dropped["empty"] || m.Counts.Read < 160 || len(m.Shards) != 8 {
		t.Errorf("manifest of text: %+v", m)
	}
	if m := res.Stages[1].Dir.Manifest; len(m.Phases) != 1 || m.Phases[0].Phase != "mark" || m.Counts.Dropped["short"] == 0 || m.Counts.Read != res.Stages[0].Dir.Manifest.Counts.Kept {
		t.Errorf("manifest of long: %+v", m)
	}
	calls := w.calls.Load()
	got, _ = run(Options{})
	check("second", got)
	if w.calls.Load() != calls {
		t.Errorf("the second run worked: %d calls", w.calls.Load()-calls)
	}
	got, _ = run(Options{Workers: 8})
	check("other workers", got)

	plan, err := Plan(t.Context(), parse(t, w, dir, roadYAML, "long.min=9"), Options{Out: out, CPU: "avx2"})
	if err != nil {
		t.Fatal(err)
	}
	var why []string
	for _, p := range plan {
		why = append(why, p.Why)
	}
	if want := []string{"nothing changed", "settings changed: min is 9, was 8", "its input long changed"}; !slices.Equal(why, want) {
		t.Errorf("plan: %q, want %q", why, want)
	}
	if after := sums(t, out); !maps.Equal(first, after) {
		t.Error("Plan changed something")
	}
	got, _ = run(Options{}, "long.min=9")
	check("settings", got, "long", "model")
	got, _ = run(Options{}, "long.min=8")
	check("settings back", got, "long", "model")
	if after := sums(t, out); !maps.Equal(first, after) {
		t.Errorf("other bytes: %v, were %v", after, first)
	}
	got, _ = run(Options{CPU: "plain"})
	check("cpu", got, "model")
	run(Options{})
	got, _ = run(Options{Limit: 3})
	check("limit", got, "text", "long", "model")
	run(Options{})
	got, _ = run(Options{}, "seed=8")
	check("seed", got, "text", "long", "model")
	run(Options{})
	got, _ = run(Options{Force: true})
	check("force", got, "text", "long", "model")
	got, _ = run(Options{Force: true, Only: []string{"long"}})
	check("force one", got, "long")
	w.version++
	got, _ = run(Options{})
	check("version", got, "text", "long", "model")
	w.version--
	run(Options{})

	// A raw file that is touched, but the same, changes nothing; one letter does.
	b := filepath.Join(dir, "b.txt")
	os.Chtimes(b, time.Now(), time.Now())
	got, _ = run(Options{})
	check("touched", got)
	raw, _ := os.ReadFile(b)
	raw[0] ^= 1
	if err := os.WriteFile(b, raw, 0o666); err != nil {
		t.Fatal(err)
	}
	plan, err = Plan(t.Context(), parse(t, w, dir, roadYAML), Options{Out: out, CPU: "avx2"})
	if err != nil || plan[0].Why != "a raw file changed: b.txt" {
		t.Errorf("plan after an edit: %+v, %v", plan[0], err)
	}
	got, _ = run(Options{})
	check("edited", got, "text", "long", "model")

	// A result that lost a file is not whole.
	if err := os.Remove(filepath.Join(out, "long", "train-text-train-00000.parquet")); err != nil {
		t.Fatal(err)
	}
	got, _ = run(Options{})
	check("lost file", got, "long")
	if left, _ := os.ReadDir(filepath.Join(out, stateDir, "work")); len(left) > 0 {
		t.Errorf("work left behind: %v", left)
	}
}

func TestOnly(t *testing.T) {
	w := &world{}
	dir, out := rawFiles(t), t.TempDir()
	c := parse(t, w, dir, roadYAML)
	_, err := Run(t.Context(), c, Options{Out: out, Only: []string{"long"}})
	var usage *fault.UsageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "its input text is not at hand: never run") {
		t.Errorf("missing input: %v", err)
	}
	res, err := Run(t.Context(), c, Options{Out: out, Only: []string{"text", "long"}})
	if err != nil || !slices.Equal(ran(res), []string{"text", "long"}) {
		t.Errorf("%v, %v", res, err)
	}
	if _, err := os.Stat(filepath.Join(out, "model")); err == nil {
		t.Error("model ran too")
	}
	if _, err := Run(t.Context(), c, Options{Out: out, Only: []string{"lonh"}}); err == nil || !strings.Contains(hintOf(err), `"long"`) {
		t.Errorf("unknown stage: %v (%s)", err, hintOf(err))
	}
}

func hintOf(err error) string {
	var h *fault.Hint
	if errors.As(err, &h) {
		return h.Fix
	}
	return ""
}

// errBroken stands for kill -9: nothing cleans up after it.
var errBroken = errors.New("broken off")

func TestLock(t *testing.T) {
	dir := rawFiles(t)
	w := &world{}
	c := parse(t, w, dir, roadYAML)
	o := Options{Out: t.TempDir()}
	w.trouble = func(where string) error {
		if where == "read 00000" {
			_, err := Run(t.Context(), c, o)
			var locked *LockedError
			if !errors.As(err, &locked) || locked.PID != os.Getpid() || locked.Since.IsZero() || hintOf(err) == "" {
				t.Errorf("second run: %v", err)
			}
		}
		return nil
	}
	if _, err := Run(t.Context(), c, o); err != nil {
		t.Fatal(err)
	}
	w.trouble = nil
	if _, err := Run(t.Context(), c, o); err != nil {
		t.Errorf("after the lock was released: %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	dir := rawFiles(t)
	w := &world{}
	c := parse(t, w, dir, roadYAML)
	o := Options{Out: t.TempDir(), Workers: 1}
	w.trouble = func(where string) error {
		if where == "written 00002" {
			return &os.PathError{Op: "write", Path: filepath.Join(o.Out, "train-00002.parquet"), Err: syscall.ENOSPC}
		}
		return nil
	}
	_, err := Run(t.Context(), c, o)
	var full *store.DiskFullError
	if !errors.As(err, &full) || filepath.Base(full.File) != "train-00002.parquet" || full.Free <= 0 || !strings.Contains(hintOf(err), "make room") {
		t.Fatalf("%v (%s)", err, hintOf(err))
	}
	w.trouble = nil
	res, err := Run(t.Context(), c, o)
	if err != nil || res.Stages[0].Resumed != 2 {
		t.Errorf("%+v, %v", res, err)
	}
	err = store.WriteFile(filepath.Join(o.Out, "x"), func(io.Writer) error { return syscall.ENOSPC })
	if !errors.As(err, &full) || fileExists(filepath.Join(o.Out, "x")) || fileExists(store.TempName(filepath.Join(o.Out, "x"))) {
		t.Errorf("WriteFile: %v", err)
	}
}

func TestCountsMustAddUp(t *testing.T) {
	dir := rawFiles(t)
	w := &world{lose: true}
	_, err := Run(t.Context(), parse(t, w, dir, roadYAML), Options{Out: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "counts do not add up") {
		t.Error(err)
	}
	w = &world{failed: 2} // 8 of about 160
	o := Options{Out: t.TempDir()}
	_, err = Run(t.Context(), parse(t, w, dir, roadYAML), o)
	if err == nil || !strings.Contains(err.Error(), "8 of 162 rows failed, more than max_failures allows (1 %); one of them: a.txt at 0: made to fail") || !strings.Contains(hintOf(err), "rejects") {
		t.Errorf("%v (%s)", err, hintOf(err))
	}
	calls := w.calls.Load()
	res, err := Run(t.Context(), parse(t, w, dir, roadYAML, "max_failures=0.1"), Options{Out: o.Out, Only: []string{"text"}})
	if err != nil || res.Stages[0].Resumed != 4 || w.calls.Load() != calls {
		t.Errorf("with a higher limit: %+v, %v", res, err)
	}
}

// A manifest that cannot be ours is no result: the stage runs again.
func TestEditedManifest(t *testing.T) {
	w := &world{}
	c := parse(t, w, rawFiles(t), roadYAML)
	o := Options{Out: t.TempDir()}
	if _, err := Run(t.Context(), c, o); err != nil {
		t.Fatal(err)
	}
	want := sums(t, o.Out)
	name := filepath.Join(o.Out, "text", ManifestName)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for what, content := range map[string]string{
		"empty": "", "no object": "[1]", "no key": "{}",
		"counts":  strings.Replace(string(whole), `"kept": `, `"kept": 9`, 1),
		"outside": strings.Replace(string(whole), `"name": "`, `"name": "../`, 1),
	} {
		if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		res, err := Run(t.Context(), c, o)
		if err != nil || res.Stages[0].Cached || !maps.Equal(sums(t, o.Out), want) {
			t.Errorf("%s: %+v, %v", what, res, err)
		}
	}
}

// A folder that cannot be made is told with a remedy.
func TestUnwritableOut(t *testing.T) {
	dir := rawFiles(t)
	_, err := Run(t.Context(), parse(t, &world{}, dir, roadYAML), Options{Out: filepath.Join(dir, "a.txt")})
	if err == nil || !strings.Contains(err.Error(), "cannot be written") || !strings.Contains(hintOf(err), "--out") {
		t.Errorf("%v (%s)", err, hintOf(err))
	}
}

func TestPanicNamesTheTask(t *testing.T) {
	dir := rawFiles(t)
	w := &world{trouble: func(where string) error {
		if where == "read 00003" {
			var none []int
			_ = none[len(where)]
		}
		return nil
	}}
	_, err := Run(t.Context(), parse(t, w, dir, roadYAML), Options{Out: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "stage text: read 00003: panic: runtime error: index out of range") || !strings.Contains(err.Error(), "run_test.go:") {
		t.Error(err)
	}
}

func TestFoldersThatAreNotOurs(t *testing.T) {
	dir, out := rawFiles(t), t.TempDir()
	if err := store.WriteFile(filepath.Join(out, "text", "novel.txt"), func(w io.Writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
	_, err := Run(t.Context(), parse(t, &world{}, dir, roadYAML), Options{Out: out})
	if err == nil || !strings.Contains(err.Error(), "is not ours") {
		t.Errorf("%v", err)
	}
}

func TestOpenRun(t *testing.T) {
	dir, out := rawFiles(t), t.TempDir()
	w := &world{}
	c := parse(t, w, dir, roadYAML, "long.min=3")
	if _, err := Run(t.Context(), c, Options{Out: out, Program: "fragua test", CPU: "plain"}); err != nil {
		t.Fatal(err)
	}
	d, err := OpenRun(out)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Stages) != 3 || d.Stages[2].Manifest.Kind != Model || d.Info.Program != "fragua test" || d.Info.Ended.IsZero() || d.Info.Stages[0].Seconds <= 0 {
		t.Errorf("%+v", d)
	}
	if s, ok := d.Stage("long"); !ok || len(s.Files("train-*.parquet")) != 4 {
		t.Errorf("long: %+v", s)
	}
	again, err := d.Config(w.table())
	if err != nil || string(again.ResolvedYAML()) != string(c.ResolvedYAML()) {
		t.Errorf("%v\n%s", err, again.ResolvedYAML())
	}
	res, err := Run(t.Context(), again, Options{Out: out, CPU: "plain"})
	if err != nil || len(ran(res)) != 0 {
		t.Errorf("the resolved configuration ran %v, %v", ran(res), err)
	}
	// Another run reads a finished stage by its folder.
	other := parse(t, w, dir, "stages:\n - {name: short, use: longest, from: ["+filepath.ToSlash(filepath.Join(out, "text"))+"]}\n")
	if _, err := Run(t.Context(), other, Options{Out: t.TempDir()}); err != nil {
		t.Error(err)
	}
	if _, err := OpenRun(dir); err == nil || hintOf(err) == "" {
		t.Errorf("no run: %v", err)
	}
}

// Nothing that a stage leaves tells when, where or by how many it was made.
func TestManifestsAreImpersonal(t *testing.T) {
	dir, out := rawFiles(t), t.TempDir()
	if _, err := Run(t.Context(), parse(t, &world{}, dir, roadYAML), Options{Out: out, Workers: 5}); err != nil {
		t.Fatal(err)
	}
	host, _ := os.Hostname()
	for _, stage := range []string{"text", "long", "model"} {
		b, err := os.ReadFile(filepath.Join(out, stage, ManifestName))
		if err != nil {
			t.Fatal(err)
		}
		for _, personal := range []string{dir, out, host, time.Now().Format("2006-01")} {
			if personal != "" && strings.Contains(string(b), personal) {
				t.Errorf("manifest of %s holds %q", stage, personal)
			}
		}
	}
}
