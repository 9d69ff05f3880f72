// Package cluster runs one command many times on the machines of somebody else's
// scheduler: a job array of Slurm, an Indexed Job of Kubernetes, or workers that a
// person starts by hand. It knows indices and commands, and nothing of stages.
//
// In goes a Batch, a command and the indices that it is to be run with. Out comes the
// name of a job, which can be watched and cancelled, also by another process than the
// one that submitted it. The command finds its index in the environment (Index), and
// leaves what it did in files: nothing else comes back.
package cluster
