//go:build linux && !slurm

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// How much TestOnSlurm has to go through.
const partBytes, deadWorkers, deadNodes, deadCoordinators = 16384, 6, 2, 1

// clusterVariable is in the environment of all processes of the cluster.
const clusterVariable = "FAKE_SLURM"

// schedulers are stand-ins of Slurm's commands, for machines that have none. They take
// what fragua gives them, run an array's indices as processes of this machine, and keep
// what they know in the folder $FAKE_SLURM:
//
//	JOB/script       what was submitted
//	JOB/active/I     an index that waits or runs
var schedulers = map[string]func(){
	"sbatch":   func() { fake(fakeSbatch) },
	"squeue":   func() { fake(fakeSqueue) },
	"scancel":  func() { fake(fakeScancel) },
	"scontrol": func() { fmt.Println("MaxArraySize            = 1001") },
}

func startCluster(t *testing.T, _ int) (restart func(node string)) {
	dir := t.TempDir()
	t.Setenv(clusterVariable, dir)
	mark := clusterVariable + "=" + dir
	t.Cleanup(func() {
		for pid := range clusterProcesses(mark) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(300 * time.Millisecond) // until the arrays have noticed
	})
	return func(string) {}
}

func fake(run func(dir string, args []string) error) {
	if err := run(os.Getenv(clusterVariable), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func fakeSbatch(dir string, args []string) error {
	if len(args) == 2 && args[0] == "--serve" {
		return fakeArray(args[1])
	}
	script, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	for number := 1; ; number++ {
		job := filepath.Join(dir, strconv.Itoa(number))
		if err := os.Mkdir(job, 0o755); errors.Is(err, fs.ErrExist) {
			continue
		} else if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(job, "script"), script, 0o755); err != nil {
			return err
		}
		indices, err := fakeIndices(fakeOption(string(script), "array"))
		if err != nil {
			return err
		}
		os.Mkdir(filepath.Join(job, "active"), 0o755)
		for _, i := range indices {
			if err := os.WriteFile(filepath.Join(job, "active", strconv.Itoa(i)), nil, 0o644); err != nil {
				return err
			}
		}
		serve := exec.Command(os.Args[0], "--serve", job)
		serve.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := serve.Start(); err != nil {
			return err
		}
		fmt.Println(number)
		return nil
	}
}

// fakeOption returns the value of the last #SBATCH line of an option.
func fakeOption(script, name string) (value string) {
	for l := range strings.Lines(script) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(l), "#SBATCH --"+name+"="); ok {
			value = v
		}
	}
	return value
}

func fakeIndices(array string) (indices []int, err error) {
	array, _, _ = strings.Cut(array, "%")
	for _, part := range strings.Split(array, ",") {
		a, b, isRange := strings.Cut(part, "-")
		if !isRange {
			b = a
		}
		from, err1 := strconv.Atoi(a)
		to, err2 := strconv.Atoi(b)
		if err1 != nil || err2 != nil || from > to || to > 1000 {
			return nil, fmt.Errorf("invalid job array specification %q", array)
		}
		for i := from; i <= to; i++ {
			indices = append(indices, i)
		}
	}
	return indices, nil
}

// fakeArray runs a job's indices, one at a time on each node.
func fakeArray(job string) error {
	b, err := os.ReadFile(filepath.Join(job, "script"))
	if err != nil {
		return err
	}
	script := string(b)
	indices, err := fakeIndices(fakeOption(script, "array"))
	if err != nil {
		return err
	}
	next := make(chan int)
	var g sync.WaitGroup
	for node := range nodes {
		g.Go(func() {
			for i := range next {
				active := filepath.Join(job, "active", strconv.Itoa(i))
				if _, err := os.Stat(active); err == nil { // not cancelled
					out, err := os.OpenFile(strings.ReplaceAll(fakeOption(script, "output"), "%a", strconv.Itoa(i)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
					if err == nil {
						cmd := exec.Command("sh", filepath.Join(job, "script"))
						cmd.Env = append(os.Environ(), "SLURM_ARRAY_TASK_ID="+strconv.Itoa(i), fmt.Sprintf("SLURMD_NODENAME=n%d", node+1))
						cmd.Stdout, cmd.Stderr = out, out
						cmd.Run()
						out.Close()
					}
				}
				os.Remove(active)
			}
		})
	}
	for _, i := range indices {
		next <- i
	}
	close(next)
	g.Wait()
	return nil
}

func fakeSqueue(dir string, args []string) error {
	for _, a := range args {
		if job, ok := strings.CutPrefix(a, "--jobs="); ok {
			active, err := os.ReadDir(filepath.Join(dir, job, "active"))
			if err != nil {
				return errors.New("Invalid job id specified")
			}
			for _, e := range active {
				fmt.Printf("%s_%s\n", job, e.Name())
			}
		}
	}
	return nil
}

func fakeScancel(dir string, args []string) error {
	return os.RemoveAll(filepath.Join(dir, args[len(args)-1], "active"))
}
