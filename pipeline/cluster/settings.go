package cluster

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"fragua/pipeline/fault"
)

// Where tasks run.
type Where string

// Values of Where.
const (
	Here         Where = ""
	OnSlurm      Where = "slurm"
	OnKubernetes Where = "kubernetes"
	OnManual     Where = "manual"
)

// Values lists what a Where can be.
func (Where) Values() []string {
	return []string{string(OnSlurm), string(OnKubernetes), string(OnManual)}
}

// Settings say what the tasks of a run need on a cluster. No stage's bytes depend on them.
type Settings struct {
	On          Where             `yaml:"on" doc:"Who runs the tasks: slurm, kubernetes, or manual, where you start the workers yourself. Left out: this process does."`
	Shards      int               `yaml:"shards" doc:"How many workers share the tasks of a phase at most. The result does not depend on it."`
	Parallel    int               `yaml:"parallel" doc:"How many workers run at a time at most. 0: as many as the cluster lets."`
	Attempts    int               `yaml:"attempts" doc:"How often a task may fail before the run ends. A worker that is killed is no failure of its task."`
	CPUs        int               `yaml:"cpus" doc:"Cores of a worker, which runs this many tasks at a time. Phases that want all cores of a machine get a whole one."`
	MemoryMB    int               `yaml:"memory_mb" doc:"Memory of a worker, in MiB."`
	Time        time.Duration     `yaml:"time" doc:"How long a worker may run. 0: what the partition allows."`
	Program     string            `yaml:"program" doc:"Where the machines find fragua. Left out: where this one is, or on Kubernetes, fragua."`
	Environment map[string]string `yaml:"environment" doc:"Environment variables of the workers."`
	Visible     time.Duration     `yaml:"visible" doc:"How long a file may take to be seen by other machines. NFS keeps what it knows of folders for up to a minute."`

	Partition string   `yaml:"partition" doc:"Slurm: the partition."`
	Account   string   `yaml:"account" doc:"Slurm: the account that pays."`
	Sbatch    []string `yaml:"sbatch" doc:"Slurm: further options of sbatch, such as --constraint=avx512."`

	Image        string            `yaml:"image" doc:"Kubernetes: the container's image, which holds fragua."`
	Namespace    string            `yaml:"namespace" doc:"Kubernetes: the namespace. Left out: default."`
	Volume       string            `yaml:"volume" doc:"Kubernetes: CLAIM:PATH, a persistent volume claim that all pods mount; not needed where all lies in S3."`
	Secret       string            `yaml:"secret" doc:"Kubernetes: a secret whose entries become environment variables, such as the keys of S3."`
	NodeSelector map[string]string `yaml:"node_selector" doc:"Kubernetes: labels of the nodes to run on."`
	Server       string            `yaml:"server" doc:"Kubernetes: address of the API, such as http://127.0.0.1:8001 of kubectl proxy. Left out: the pod's own cluster, or the kubeconfig's."`

	Price float64 `yaml:"price" doc:"What an hour of a core costs, for the estimates of fragua plan."`
}

// Default returns the settings where none are given.
func Default() Settings {
	return Settings{Shards: 64, Attempts: 3, CPUs: 1, MemoryMB: 4096, Visible: 5 * time.Second, Price: 0.04}
}

// Check finds what types cannot show.
func (s *Settings) Check() (faults []fault.Fault) {
	for _, n := range []struct {
		key          string
		value, least int
	}{{"shards", s.Shards, 1}, {"parallel", s.Parallel, 0}, {"attempts", s.Attempts, 1}, {"cpus", s.CPUs, 1}, {"memory_mb", s.MemoryMB, 256}} {
		if n.value < n.least {
			faults = append(faults, fault.Fault{Path: n.key, Err: fmt.Sprintf("%s is %d, less than %d", n.key, n.value, n.least), Hint: fmt.Sprintf("%s: %d", n.key, max(n.least, 1))})
		}
	}
	if s.Time < 0 || s.Visible < 0 {
		faults = append(faults, fault.Fault{Path: "time", Err: "a time is below 0", Hint: "time: 4h"})
	}
	if s.On == OnKubernetes && s.Image == "" {
		faults = append(faults, fault.Fault{Path: "image", Err: "Kubernetes runs images, and none is named", Hint: "build one that holds fragua, and write image: registry.example.org/fragua:1"})
	}
	if claim, at, ok := strings.Cut(s.Volume, ":"); s.Volume != "" && (!ok || claim == "" || !path.IsAbs(at)) {
		faults = append(faults, fault.Fault{Path: "volume", Err: fmt.Sprintf("volume is %q, and no CLAIM:PATH", s.Volume), Hint: "volume: shared:/data mounts the claim shared at /data"})
	}
	if i := slices.IndexFunc(s.Sbatch, func(f string) bool { return !strings.HasPrefix(f, "-") }); i >= 0 {
		faults = append(faults, fault.Fault{Path: fmt.Sprintf("sbatch[%d]", i), Err: fmt.Sprintf("%q is no option", s.Sbatch[i]), Hint: "write options with their values: --constraint=avx512"})
	}
	return faults
}
