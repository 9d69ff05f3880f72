package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"fragua/pipeline/fault"
)

// slurm runs a batch as one job array, through sbatch, squeue, scancel and scontrol.
type slurm struct {
	Settings
}

// Script is the job script that sbatch reads.
func (s *slurm) Script(b Batch) string {
	var w strings.Builder
	option := func(format string, args ...any) { fmt.Fprintf(&w, "#SBATCH "+format+"\n", args...) }
	w.WriteString("#!/bin/sh\n")
	option("--job-name=fragua.%s", b.Name)
	array := ranges(b.Indices)
	if s.Parallel > 0 {
		array += "%" + strconv.Itoa(s.Parallel)
	}
	option("--array=%s", array)
	option("--output=%s", s.log(b, "%a"))
	option("--open-mode=append")
	option("--requeue")
	if b.Whole {
		option("--nodes=1")
		option("--exclusive")
		option("--mem=0")
	} else {
		option("--ntasks=1")
		option("--cpus-per-task=%d", s.CPUs)
		option("--mem=%dM", s.MemoryMB)
	}
	if s.Time > 0 {
		option("--time=%d", int((s.Time+time.Minute-1)/time.Minute))
	}
	if s.Partition != "" {
		option("--partition=%s", s.Partition)
	}
	if s.Account != "" {
		option("--account=%s", s.Account)
	}
	for _, o := range s.Sbatch {
		option("%s", o)
	}
	for _, key := range slices.Sorted(maps.Keys(s.Environment)) {
		fmt.Fprintf(&w, "export %s\n", shellWords([]string{key + "=" + s.Environment[key]}))
	}
	fmt.Fprintf(&w, "exec %s\n", shellWords(b.Command))
	return w.String()
}

// log names the file of an index's output.
func (s *slurm) log(b Batch, index string) string {
	return filepath.Join(b.Logs, b.Name+"-"+index+".log")
}

func (s *slurm) Log(b Batch, _ string, index int) string {
	name := s.log(b, strconv.Itoa(index))
	return fmt.Sprintf("its log is %s; to see its end: tail -n 50 %s", name, shellWords([]string{name}))
}

func (s *slurm) Submit(ctx context.Context, b Batch) (string, error) {
	out, err := slurmCommand(ctx, s.Script(b), "sbatch", "--parsable")
	if err != nil {
		return "", fault.Hintf(err, "look at partition, account, memory_mb, time and sbatch below cluster:, and at what `sinfo` says")
	}
	job, _, _ := strings.Cut(out, ";") // a cluster's name may follow
	if _, err := strconv.Atoi(job); err != nil {
		return "", fmt.Errorf("sbatch: %q is no job's number", out)
	}
	return job, nil
}

func (s *slurm) Active(ctx context.Context, job string) (int, error) {
	out, err := slurmCommand(ctx, "", "squeue", "--noheader", "--array", "--jobs="+job, "--format=%i")
	if err != nil {
		if strings.Contains(err.Error(), "Invalid job id") {
			return 0, nil // it has ended so long ago that Slurm has forgotten it
		}
		return 0, err
	}
	return len(strings.Fields(out)), nil
}

func (s *slurm) Cancel(ctx context.Context, job string) error {
	_, err := slurmCommand(ctx, "", "scancel", "--quiet", job)
	if err != nil && strings.Contains(err.Error(), "Invalid job id") {
		return nil
	}
	return err
}

var maxArraySize = regexp.MustCompile(`(?m)^MaxArraySize\s*=\s*(\d+)`)

// Most is MaxArraySize: indices lie below it.
func (s *slurm) Most(ctx context.Context) (int, error) {
	out, err := slurmCommand(ctx, "", "scontrol", "show", "config")
	if err != nil {
		return 0, err
	}
	m := maxArraySize.FindStringSubmatch(out)
	if m == nil {
		return 0, errors.New("scontrol show config does not tell MaxArraySize")
	}
	n, err := strconv.Atoi(m[1])
	if err == nil && n < 1 {
		err = errors.New("this Slurm runs no job arrays: MaxArraySize is 0")
	}
	return n, err
}

// slurmCommand runs one of Slurm's programs.
func slurmCommand(ctx context.Context, input, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", fault.Hintf(err, "run this where Slurm's commands are, such as its login node")
	}
	if err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}
