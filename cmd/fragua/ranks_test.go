//go:build xla

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const ranksYAML = `seed: 1
stages:
  - {name: corpus, use: ingest, with: {sources: [{books: {path: "text/*.txt", passages: 60}}]}}
  - {name: split, use: mix, from: [corpus], with: {validation: 0.2, test: 0, group_by: id}}
  - {name: bpe, use: tokenizer, from: [split], with: {vocab_size: 300}}
  - {name: blocks, use: pack, from: [split, bpe], with: {context: 32}}
  - name: base
    use: pretrain
    from: [blocks]
    with: {arch: {gpt: {layers: 2, width: 16, heads: 2, dropout: 0.1}}, optimizer: muon, steps: STEPS, batch: 2,
      accumulate: 5, baseline: 0, sample_tokens: 0, eval_rows: 8, ema: 0.9, checkpoint_every: 10ms}
`

// ranksFolder builds the program and writes a configuration and a text for it.
func ranksFolder(t *testing.T, steps int) (dir, program string) {
	t.Helper()
	dir = t.TempDir()
	program = filepath.Join(dir, "fragua")
	if out, err := exec.Command("go", "build", "-tags", "xla", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.Mkdir(filepath.Join(dir, "text"), 0o777); err != nil {
		t.Fatal(err)
	}
	words := strings.Fields("the smith baker child sees finds breaks an old red small hammer lamp boat while it rains in town")
	for b := range 4 {
		var text strings.Builder
		for p := range 20 {
			for w := range 60 {
				text.WriteString(words[(b*7+p*p*3+w*w+w)%len(words)] + " ")
			}
			text.WriteString("here.\n\n")
		}
		if err := os.WriteFile(filepath.Join(dir, "text", fmt.Sprint(b)+".txt"), []byte(text.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	yaml := strings.ReplaceAll(ranksYAML, "STEPS", fmt.Sprint(steps))
	if err := os.WriteFile(filepath.Join(dir, "tiny.yaml"), []byte(yaml), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir, program
}

// ranked is a run into a folder, by this many processes; 0: without mpiexec.
func ranked(dir, program, out string, ranks int) *exec.Cmd {
	args := []string{program, "run", "tiny.yaml", "--out", out, "--workers", "1"}
	if ranks > 0 {
		args = append([]string{"mpiexec", "-n", fmt.Sprint(ranks)}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	return cmd
}

func weightsOf(t *testing.T, dir, out string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, out, "base", "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRanks: the same bytes by one process alone, and by 1, 2 and 4 that share each step's five batches.
func TestRanks(t *testing.T) {
	dir, program := ranksFolder(t, 12)
	var want []byte
	for _, ranks := range []int{0, 1, 2, 4} {
		out := fmt.Sprint("by", ranks)
		if said, err := ranked(dir, program, out, ranks).CombinedOutput(); err != nil {
			t.Fatalf("%d processes: %v\n%s", ranks, err, said)
		}
		got := weightsOf(t, dir, out)
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d processes leave other weights than one alone", ranks)
		}
	}
	said, err := ranked(dir, program, "by8", 8).CombinedOutput()
	if err == nil || !strings.Contains(string(said), "a step is 5 batches, which 8 processes cannot share") {
		t.Errorf("8 processes: %v\n%s", err, said)
	}
}

// TestDeadRank kills one of four processes while they train: all end, and two go on from the checkpoint
// to the same bytes.
func TestDeadRank(t *testing.T) {
	dir, program := ranksFolder(t, 60)
	if said, err := ranked(dir, program, "whole", 0).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	cmd := ranked(dir, program, "dead", 4)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		found, err := filepath.Glob(filepath.Join(dir, "dead", ".fragua", "work", "base.*", "0-train", "scratch", "train", "checkpoint.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("there is no checkpoint")
		}
	}
	children := ranksOf(t, cmd.Process.Pid)
	if len(children) != 4 {
		t.Fatalf("%d processes train, want 4", len(children))
	}
	if err := syscall.Kill(children[2], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Fatal("the run ended well although a process was killed")
		}
	case <-time.After(time.Minute):
		t.Fatal("the others go on without the dead one")
	}
	if said, err := ranked(dir, program, "dead", 2).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if !bytes.Equal(weightsOf(t, dir, "dead"), weightsOf(t, dir, "whole")) {
		t.Error("resumed by two processes, the weights are others")
	}
}

// ranksOf are the processes of fragua that descend from mpiexec.
func ranksOf(t *testing.T, mpiexec int) (found []int) {
	t.Helper()
	parents, names := map[int]int{}, map[int]string{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		before, after, _ := strings.Cut(string(b), ") ")
		var pid, parent int
		var state string
		fmt.Sscan(before, &pid)
		fmt.Sscan(after, &state, &parent)
		_, names[pid], _ = strings.Cut(before, "(")
		parents[pid] = parent
	}
	for pid, name := range names {
		for p := parents[pid]; p > 1 && name == "fragua"; p = parents[p] {
			if p == mpiexec {
				found = append(found, pid)
				break
			}
		}
	}
	return found
}
