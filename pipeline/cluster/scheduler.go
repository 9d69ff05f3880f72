package cluster

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"fragua/pipeline/fault"
)

// A Scheduler starts commands on other machines.
type Scheduler interface {
	// Submit starts a batch, and returns the job's name.
	Submit(ctx context.Context, b Batch) (job string, err error)
	// Active says how many of the job's indices wait or run; 0: it has ended.
	Active(ctx context.Context, job string) (int, error)
	// Cancel ends what is left of a job. One that is gone is no error.
	Cancel(ctx context.Context, job string) error
	// Script is what Submit would hand over, for people to read.
	Script(b Batch) string
	// Log says where the output of an index lies, and the command that shows it.
	Log(b Batch, job string, index int) string
	// Most is how many indices a batch may have.
	Most(ctx context.Context) (int, error)
}

// A Batch is a command that is to be run with several indices.
type Batch struct {
	Name    string   // letters, digits, '-' and '.'
	Command []string // the program and its arguments
	Indices []int    // ascending
	Whole   bool     // each index wants a machine of its own, with all cores
	Logs    string   // folder for the output, on file systems that all machines share
}

// New returns the scheduler that the settings name.
func New(s Settings) (Scheduler, error) {
	switch s.On {
	case OnSlurm:
		return &slurm{Settings: s}, nil
	case OnKubernetes:
		return &kubernetes{Settings: s}, nil
	case OnManual:
		return manual{s}, nil
	}
	return nil, &fault.UsageError{Err: fault.Hintf(fmt.Errorf("there is no cluster of kind %q", s.On), "%s", fault.DidYouMean(string(s.On), "there are", Where("").Values()))}
}

// indexVariables is where schedulers tell a command its index.
var indexVariables = []string{
	"SLURM_ARRAY_TASK_ID",       // Slurm
	"JOB_COMPLETION_INDEX",      // Kubernetes
	"AWS_BATCH_JOB_ARRAY_INDEX", // AWS Batch
	"BATCH_TASK_INDEX",          // Google Batch
}

// Index returns the index that a scheduler gave this process.
func Index() (index int, variable string, ok bool) {
	for _, name := range indexVariables {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n >= 0 {
			return n, name, true
		}
	}
	return 0, "", false
}

// Pick returns the index number n of a list as ranges writes it.
func Pick(list string, n int) (int, error) {
	for _, part := range strings.Split(list, ",") {
		a, b, isRange := strings.Cut(part, "-")
		if !isRange {
			b = a
		}
		from, err1 := strconv.Atoi(a)
		to, err2 := strconv.Atoi(b)
		if err1 != nil || err2 != nil || from < 0 || to < from {
			return 0, fmt.Errorf("%q is no list of shares; it is written 0-3,7", list)
		}
		if n <= to-from {
			return from + n, nil
		}
		n -= to - from + 1
	}
	return 0, fmt.Errorf("%q has fewer shares", list)
}

// ranges writes indices as Slurm takes them: 0-3,7,9-10.
func ranges(indices []int) string {
	var parts []string
	for i := 0; i < len(indices); {
		j := i
		for j+1 < len(indices) && indices[j+1] == indices[j]+1 {
			j++
		}
		if part := strconv.Itoa(indices[i]); j > i {
			parts = append(parts, part+"-"+strconv.Itoa(indices[j]))
		} else {
			parts = append(parts, part)
		}
		i = j + 1
	}
	return strings.Join(parts, ",")
}
