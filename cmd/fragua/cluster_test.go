//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fragua/configs"
)

// clustered is the road of the data stages, in many small tasks.
const clustered = `seed: 11
stages:
  - name: corpus
    use: ingest
    with: {sources: [{books: {path: "sample/books/*.txt"}}, {html: {path: "sample/pages/*.html"}}], steps: [repair, language], part_bytes: PART_BYTES}
  - {name: unique, use: dedup, from: [corpus], with: {match: {similar: {similarity: 0.5}}}}
  - {name: split, use: mix, from: [unique], with: {validation: 0.1, test: 0, group_by: id}}
  - {name: bpe, use: tokenizer, from: [split], with: {vocab_size: 600}}
  - {name: blocks, use: pack, from: [split, bpe], with: {context: 32}}
`

// nodes is how many machines the cluster has.
const nodes = 4

// clusterProcesses lists the processes of a cluster's jobs: pid → node.
func clusterProcesses(mark string) map[int]string {
	found := map[int]string{}
	names, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil || !bytes.Contains(b, []byte(mark)) {
			continue
		}
		for _, e := range strings.Split(string(b), "\x00") {
			if node, ok := strings.CutPrefix(e, "SLURMD_NODENAME="); ok {
				var pid int
				fmt.Sscanf(name, "/proc/%d/", &pid)
				found[pid] = node
			}
		}
	}
	return found
}

// killNode kills all processes of a node but this one.
func killNode(node string) {
	for pid, on := range clusterProcesses(clusterVariable + "=" + os.Getenv(clusterVariable)) {
		if on == node && pid != os.Getpid() {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// againInLogs lists the tasks that were begun after they were done, by the workers' logs.
func againInLogs(t *testing.T, out string) (again []string, attempts int) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(out, ".fragua", "logs", "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no logs: %v", err)
	}
	var lines []string
	for _, name := range logs {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.Split(string(b), "\n")...)
	}
	slices.Sort(lines) // they begin with the time
	done := map[string]bool{}
	for _, l := range lines {
		_, rest, _ := strings.Cut(l, " msg=")
		what, task, _ := strings.Cut(rest, " ")
		task, _, _ = strings.Cut(task, " attempt=")
		switch what {
		case "begun":
			if attempts++; done[task] {
				again = append(again, task)
			}
		case "done":
			done[task] = true
		}
	}
	return again, attempts
}

func clusterDir(t *testing.T, config string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "sample"), configs.Sample()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "road.yaml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// onCluster are the flags of a run in the tests' clusters.
func onCluster(shards int, more ...string) []string {
	return append([]string{"--on", "slurm", "--shards", fmt.Sprint(shards), "--set", "cluster.visible=200ms", "--set", "cluster.memory_mb=256",
		"--set", "cluster.sbatch=[--no-requeue]"}, more...)
}

// TestOnSlurm runs the data stages on a cluster while workers, nodes and the coordinator
// are killed: the files are those of one machine, and no task that was done is done
// again.
func TestOnSlurm(t *testing.T) {
	started, died := watchDeaths(t)
	restart := startCluster(t, nodes)
	dir := clusterDir(t, strings.ReplaceAll(clustered, "PART_BYTES", fmt.Sprint(partBytes)))
	mustRun(t, dir, "here")
	want := snapshot(t, filepath.Join(dir, "here"))
	delete(want, "resolved.yaml") // says who ran the tasks

	coordinators, back := 0, map[int]bool{}
	for done := false; !done; {
		cmd, text := command(t.Context(), dir, "there", onCluster(8)...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for killed := false; !done && !killed; {
			select {
			case err := <-ended:
				if err != nil {
					t.Fatalf("life %d: %v\n%s", coordinators, err, text)
				}
				done = true
			case <-time.After(20 * time.Millisecond):
				if coordinators < deadCoordinators && started() >= 8+12*coordinators {
					cmd.Process.Kill()
					<-ended
					coordinators++
					killed = true
				}
			}
			for number, node := range died() {
				if node != "" && !back[number] {
					back[number] = true
					restart(node)
				}
			}
		}
	}
	got := snapshot(t, filepath.Join(dir, "there"))
	delete(got, "resolved.yaml")
	sameBytes(t, got, want)
	again, attempts := againInLogs(t, filepath.Join(dir, "there"))
	if len(again) > 0 {
		t.Errorf("done again: %v", again)
	}
	workers := len(died()) - len(back)
	if coordinators < deadCoordinators || workers < deadWorkers || len(back) < deadNodes {
		t.Errorf("only %d coordinators, %d workers and %d nodes died, of %d workers", coordinators, workers, len(back), started())
	}
	t.Logf("%d coordinators, %d of %d workers and %d nodes died, %d attempts", coordinators, workers, started(), len(back), attempts)
}

// TestSlurmFails: a task that fails on every machine ends the run with the log's path
// and the command that shows it.
func TestSlurmFails(t *testing.T) {
	startCluster(t, 1)
	dir := clusterDir(t, strings.ReplaceAll(clustered, "PART_BYTES", "100000"))
	cmd, text := command(t.Context(), dir, "out", onCluster(2, "--set", "cluster.environment={TMPDIR: /nowhere}")...)
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != exitFailed {
		t.Fatalf("%v\n%s", err, text)
	}
	logs, err := filepath.Glob(filepath.Join(dir, "out", ".fragua", "logs", "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no logs: %v\n%s", err, text)
	}
	told := text.String()
	if !strings.Contains(told, "failed 3 times") || !strings.Contains(told, "/nowhere") || !slices.ContainsFunc(logs, func(l string) bool { return strings.Contains(told, "tail -n 50 "+l) }) {
		t.Errorf("%s", told)
	}
}
