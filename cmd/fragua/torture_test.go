package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A damaged run may use this much memory in any command, in bytes. An undamaged one uses
// a quarter.
const tortureMemory = 512 << 20

// damage changes the bytes of a file; it says what it did.
var damages = []struct {
	name string
	do   func(b []byte, rng *rand.Rand) []byte
}{
	{"a bit flipped", func(b []byte, rng *rand.Rand) []byte {
		b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		return b
	}},
	{"cut", func(b []byte, rng *rand.Rand) []byte { return b[:rng.IntN(len(b))] }},
	{"emptied", func(b []byte, _ *rand.Rand) []byte { return nil }},
	{"a block of zeros", func(b []byte, rng *rand.Rand) []byte {
		at := rng.IntN(len(b))
		clear(b[at:min(len(b), at+512)])
		return b
	}},
	{"bytes behind it", func(b []byte, rng *rand.Rand) []byte {
		return append(b, b[:min(len(b), 1+rng.IntN(64))]...)
	}},
	{"bytes in it", func(b []byte, rng *rand.Rand) []byte {
		return slices.Insert(b, rng.IntN(len(b)), 0x80, 0xff, 0x00)
	}},
}

// told is what a command did: its exit code, what it printed, its peak memory in bytes
// and its CPU time.
type told struct {
	code        int
	out, errors string
	memory      int64
	time        time.Duration
}

func tell(t *testing.T, dir string, args ...string) told {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "fragua", args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader("A warm and funny book.\n")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	p := cmd.ProcessState
	return told{p.ExitCode(), out.String(), errs.String(), peakMemory(p), p.UserTime() + p.SystemTime()}
}

// mustBeCalm holds that a command ended well or with a sentence, within its memory.
func (got told) mustBeCalm(t *testing.T, what string) {
	t.Helper()
	if strings.Contains(got.errors, "panic") || strings.Contains(got.errors, "goroutine ") || got.code < 0 || got.code > exitUsage {
		t.Errorf("%s: exit code %d\n%s", what, got.code, got.errors)
	}
	if got.code != 0 && !strings.Contains(got.errors, "fragua: error: ") {
		t.Errorf("%s: exit code %d without a sentence\n%s", what, got.code, got.errors)
	}
	if got.memory > tortureMemory {
		t.Errorf("%s: %d MB of memory", what, got.memory>>20)
	}
}

// readers are the commands that read a run without changing it. A damaged file lies in
// the stage %s, its path below the run is %f.
var readers = [][]string{
	{"verify", "out"},
	{"plan", "road.yaml", "--out", "out"},
	{"inspect", "out"},
	{"inspect", "out/%s"},
	{"inspect", "out/%f"},
	{"inspect", "out/%f", "--json"},
	{"report", "out", "-o", "report.html"},
	{"generate", "out/base", "--prompt", "The light", "--max-tokens", "5", "--temperature", "0"},
	{"evaluate", "out/base"},
	{"predict", "out/sentiment", "-"},
	{"neighbors", "out/base", "light"},
	{"export", "out/base", "--to", "gguf", "-o", "base.gguf"},
}

// TestTorture damages the files of a finished run one at a time, each kind of damage in
// turn, and gives the run to every command that reads it: a command refuses it with a
// sentence, or does what it did before. It never answers otherwise, never panics, and
// needs no more memory. Then the run goes on, and its result has the bytes of before.
func TestTorture(t *testing.T) {
	dir := killerDir(t)
	mustRun(t, dir, "out")
	want := snapshot(t, filepath.Join(dir, "out"))
	var files []string
	for name := range want {
		files = append(files, name)
	}
	err := fs.WalkDir(os.DirFS(dir), "out/.fragua", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && d.Name() != "lock" {
			files = append(files, strings.TrimPrefix(name, "out/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, "run.json")
	slices.Sort(files)
	for i := range 6 * *rounds {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(uint64(i), 5))
			name, hurt := files[rng.IntN(len(files))], damages[i%len(damages)]
			here := t.TempDir()
			if err := os.CopyFS(here, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			stage, _, _ := strings.Cut(name, "/")
			fill := func(args []string) []string {
				args = slices.Clone(args)
				for i, a := range args {
					args[i] = strings.NewReplacer("%s", stage, "%f", name).Replace(a)
				}
				return args
			}
			reader := readers[rng.IntN(len(readers))]
			if i%2 == 0 { // the commands that look at the file itself, more often than their share
				reader = readers[rng.IntN(6)]
			}
			reader = fill(reader)
			before := tell(t, here, reader...)
			path := filepath.Join(here, "out", filepath.FromSlash(name))
			old, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, hurt.do(slices.Clone(old), rng), 0o644); err != nil {
				t.Fatal(err)
			}
			after := tell(t, here, reader...)
			again := tell(t, here, "run", "road.yaml", "--out", "out")
			what := fmt.Sprintf("%s: %s; fragua %s", name, hurt.name, strings.Join(reader, " "))
			for _, got := range []told{after, again} {
				got.mustBeCalm(t, what)
			}
			// What is refused, or told to differ, is told; anything else must be as it was.
			noticed := after.code != 0 || strings.Contains(after.out+after.errors, "differs from") || reader[0] == "plan" || reader[0] == "inspect"
			if !noticed && after.out != before.out {
				t.Errorf("%s: another answer in silence\n%s\nbefore:\n%s", what, after.out, before.out)
			}
			if again.code != 0 {
				return // refused
			}
			sameBytes(t, snapshot(t, filepath.Join(here, "out")), want)
			if t.Failed() {
				t.Logf("%s\n%s%s", what, again.out, again.errors)
			}
		})
	}
}

// TestTortureOfCheckpoints damages what an interrupted training left to go on from: the
// run refuses it with a sentence, or ends with the bytes of an undisturbed one.
func TestTortureOfCheckpoints(t *testing.T) {
	dir := killerDir(t)
	steps := []string{"--set", "base.steps=300"}
	mustRun(t, dir, "calm", steps...)
	want := snapshot(t, filepath.Join(dir, "calm"))
	cmd, _ := command(t.Context(), dir, "out", steps...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, cmd, filepath.Join(dir, "out", ".fragua", "work", "base.*", "0-*", "scratch", "*", "*"))
	cmd.Process.Kill()
	cmd.Wait()
	var files []string
	work := filepath.Join("out", ".fragua", "work")
	err := fs.WalkDir(os.DirFS(filepath.Join(dir, work)), ".", func(name string, d fs.DirEntry, err error) error {
		if info, e := d.Info(); err == nil && e == nil && d.Type().IsRegular() && info.Size() > 0 {
			files = append(files, name)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("the killed run left no file: %v", err)
	}
	for i := range *rounds {
		rng := rand.New(rand.NewPCG(uint64(i), 7))
		name, hurt := files[rng.IntN(len(files))], damages[i%len(damages)]
		here := t.TempDir()
		if err := os.CopyFS(here, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(here, work, name)
		old, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, hurt.do(old, rng), 0o644); err != nil {
			t.Fatal(err)
		}
		got := tell(t, here, append([]string{"run", "road.yaml", "--out", "out"}, steps...)...)
		what := name + ": " + hurt.name
		got.mustBeCalm(t, what)
		if got.code == 0 {
			sameBytes(t, snapshot(t, filepath.Join(here, "out")), want)
		}
		if t.Failed() {
			t.Fatalf("%s\n%s%s", what, got.out, got.errors)
		}
	}
}
