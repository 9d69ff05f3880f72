package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"fragua/cmd/fragua/curves"
	"fragua/configs"
	"fragua/model/kernel"
)

var rounds = flag.Int("rounds", 4, "how often TestKiller kills the run")

// killed is a road through every kind of stage, in seconds.
const killed = `seed: 11
stages:
  - name: corpus
    use: ingest
    with: {sources: [books: {path: "sample/books/*.txt"}, html: {path: "sample/pages/*.html"}], steps: [repair, language], part_bytes: 4096}
  - {name: unique, use: dedup, from: [corpus], with: {match: {similar: {similarity: 0.5}}}}
  - {name: split, use: mix, from: [unique], with: {validation: 0.1, test: 0, group_by: id}}
  - {name: bpe, use: tokenizer, from: [split], with: {vocab_size: 600}}
  - {name: blocks, use: pack, from: [split, bpe], with: {context: 32}}
  - name: base
    use: pretrain
    from: [blocks]
    with: {arch: {gpt: {layers: 2, width: 32, heads: 2}}, steps: 60, batch: 4, eval_every: 20, checkpoint_every: 100ms}
  - name: reviews
    use: label
    with: {data: [{table: {path: sample/sentiment.csv}}], text: text, label: label, split: {validation: 0.1, test: 0.2}}
  - {name: sentiment, use: finetune, from: [base, reviews], with: {goal: {sentiment: {too_long: keep_ends}}, epochs: 2, batch: 16}}
  - {name: answers, use: evaluate, from: [sentiment, reviews]}
`

// lay a run's raw files and its configuration into a fresh folder.
func killerDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "sample"), configs.Sample()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "road.yaml"), []byte(killed), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// command prepares `fragua run road.yaml`; the binary is the test's own.
func command(ctx context.Context, dir, out string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.CommandContext(ctx, "fragua", append([]string{"run", "road.yaml", "--out", out}, args...)...)
	cmd.Dir = dir
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	return cmd, &b
}

func mustRun(t *testing.T, dir, out string, args ...string) string {
	t.Helper()
	cmd, text := command(t.Context(), dir, out, args...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("run: %v\n%s", err, text)
	}
	return text.String()
}

// await returns when a file that matches is there. However busy the machine, a
// command that has not written it after five minutes hangs.
func await(t *testing.T, cmd *exec.Cmd, pattern string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
	t.Fatalf("nothing matches %s\n%s", pattern, cmd.Stdout)
}

// snapshot is the content of every file of the finished stages.
func snapshot(t *testing.T, out string) map[string]string {
	t.Helper()
	files := map[string]string{}
	root := os.DirFS(out)
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if strings.HasPrefix(d.Name(), ".") && name != "." {
				return fs.SkipDir
			}
			return nil
		}
		if name == "run.json" || name == "report.html" || strings.HasPrefix(name, curves.Folder+"/") || !strings.Contains(name, "/") && name != "resolved.yaml" {
			return nil // times and hosts stand here, and nowhere else
		}
		b, err := fs.ReadFile(root, name)
		files[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func sameBytes(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is missing", name)
		} else if got[name] != want[name] {
			t.Errorf("%s differs", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is too many", name)
		}
	}
}

// TestKiller kills a run again and again, at moments spread over all of its stages, and
// goes on each time: the result has the bytes of an undisturbed one.
func TestKiller(t *testing.T) {
	dir := killerDir(t)
	began := time.Now()
	mustRun(t, dir, "calm")
	whole := time.Since(began)
	want := snapshot(t, filepath.Join(dir, "calm"))

	rng := rand.New(rand.NewPCG(uint64(*rounds), 3))
	for i := range *rounds {
		// Each life may last up to twice its share, so that every stage sees a death.
		life := time.Duration(rng.Int64N(int64(2*whole)/int64(*rounds) + 1))
		workers := 1 + rng.IntN(4)
		cmd, text := command(t.Context(), dir, "killed", "--workers", fmt.Sprint(workers))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		dead := time.AfterFunc(life, func() { cmd.Process.Kill() })
		err := cmd.Wait()
		dead.Stop()
		if err != nil && cmd.ProcessState.ExitCode() != -1 {
			t.Fatalf("death %d: the run failed by itself: %v\n%s", i, err, text)
		}
	}
	mustRun(t, dir, "killed")
	sameBytes(t, snapshot(t, filepath.Join(dir, "killed")), want)
}

// TestInterrupt sends a training each signal that asks a program to end: it leaves with
// 130, and goes on to the same bytes.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("windows has no signals to send")
	}
	dir := killerDir(t)
	steps := []string{"--set", "base.steps=400"}
	mustRun(t, dir, "calm", steps...)
	want := snapshot(t, filepath.Join(dir, "calm"))
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if signal.Ignored(sig) { // a program that nohup started does not end by SIGHUP
			continue
		}
		out := fmt.Sprint("broken", int(sig))
		cmd, text := command(t.Context(), dir, out, steps...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		await(t, cmd, filepath.Join(dir, out, ".fragua", "work", "base.*", "0-*", "scratch", "*", "*"))
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
			t.Fatalf("%v: exit code %d, want %d\n%s", sig, code, exitInterrupted, text)
		}
		if !strings.Contains(text.String(), "interrupted; the same command goes on from here") {
			t.Errorf("%v: the interruption is not told:\n%s", sig, text)
		}
		mustRun(t, dir, out, steps...)
		sameBytes(t, snapshot(t, filepath.Join(dir, out)), want)
	}
}

// TestTwoRunsOnOneFolder: the second is refused, and says who works there.
func TestTwoRunsOnOneFolder(t *testing.T) {
	dir := killerDir(t)
	first, _ := command(t.Context(), dir, "out", "--set", "base.steps=100000")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { first.Process.Kill(); first.Wait() }()
	await(t, first, filepath.Join(dir, "out", "corpus", "manifest.json"))
	second, text := command(t.Context(), dir, "out")
	if err := second.Run(); err == nil || second.ProcessState.ExitCode() != exitFailed {
		t.Fatalf("the second run: %v\n%s", err, text)
	}
	if !strings.Contains(text.String(), fmt.Sprint(first.Process.Pid)) {
		t.Errorf("the refusal does not say who holds the folder:\n%s", text)
	}
}

// TestOtherCPU: a training that was begun at one level is not silently continued at
// another.
func TestOtherCPU(t *testing.T) {
	if len(kernel.Levels()) < 2 {
		t.Skip("this machine has one level of kernels")
	}
	dir := killerDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	cmd, _ := command(ctx, dir, "out", "--cpu", "plain", "--set", "base.steps=100000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, cmd, filepath.Join(dir, "out", ".fragua", "work", "base.*", "0-*", "scratch", "*", "*")) // a checkpoint
	cancel()
	cmd.Wait()
	level := kernel.Levels()[1]
	cmd, text := command(t.Context(), dir, "out", "--cpu", level, "--set", "base.steps=100000")
	if err := cmd.Run(); err == nil {
		t.Fatalf("a training begun at plain went on at %s\n%s", level, text)
	}
	if !strings.Contains(text.String(), "plain") || !strings.Contains(text.String(), "hint") {
		t.Errorf("the refusal names no level or no remedy:\n%s", text)
	}
}

// TestFullDisk runs on a tmpfs that is too small: the error says so, and with room the
// same command goes on.
func TestFullDisk(t *testing.T) {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("needs linux and root, to mount a small tmpfs")
	}
	dir := killerDir(t)
	small := filepath.Join(dir, "small")
	if err := os.Mkdir(small, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", small).CombinedOutput(); err != nil {
		t.Skipf("cannot mount a tmpfs: %v: %s", err, out)
	}
	defer exec.Command("umount", "-l", small).Run()
	cmd, text := command(t.Context(), dir, "small")
	if err := cmd.Run(); err == nil {
		t.Fatalf("the run fitted into 300 kB\n%s", text)
	}
	if code := cmd.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(text.String(), "disk full") {
		t.Errorf("exit code %d, and the full disk is not told:\n%s", code, text)
	}
	if out, err := exec.Command("mount", "-o", "remount,size=100m", small).CombinedOutput(); err != nil {
		t.Skipf("cannot enlarge the tmpfs: %v: %s", err, out)
	}
	text2 := mustRun(t, dir, "small")
	if !strings.Contains(text2, "skipped") {
		t.Errorf("nothing that was done is used again:\n%s", text2)
	}
	mustRun(t, dir, "calm")
	sameBytes(t, snapshot(t, small), snapshot(t, filepath.Join(dir, "calm")))
}
