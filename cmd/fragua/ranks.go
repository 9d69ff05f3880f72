package main

import (
	"github.com/urfave/cli/v2"

	"fragua/model/mpi"
	"fragua/model/train"
	"fragua/pipeline/cluster"
	"fragua/pipeline/fault"
)

// together runs the stages, and shares pretraining between the processes that mpiexec started, if it
// did. Rank 0 does all else.
func (j *job) together(c *cli.Context) error {
	if !mpi.Launched() {
		return j.run(c)
	}
	if s := j.config.Cluster; s != nil && s.On != cluster.Here {
		return usage("--on %s: it sends out tasks itself, so start it without mpiexec", s.On)
	}
	w, err := mpi.Join()
	if err != nil {
		return &fault.UsageError{Err: err}
	}
	if w.Rank != 0 {
		return j.follow(c, w)
	}
	j.options.World = w
	if err := j.run(c); err != nil {
		return err // the others end with this process
	}
	if err := w.Tell(&train.Shared{}); err != nil {
		return err
	}
	return w.Leave()
}

// follow takes part in what rank 0 shares.
func (j *job) follow(c *cli.Context, w *mpi.World) error {
	for {
		var s train.Shared
		if err := w.Tell(&s); err != nil {
			return err
		}
		if s.Stage == "" {
			return w.Leave()
		}
		for _, e := range j.config.Stages {
			if p, ok := e.With.(*train.Pretrain); ok && e.Name == s.Stage {
				if err := p.Follow(c.Context, s, w, j.config.Seed, workers(j.options.Workers)); err != nil {
					return err
				}
			}
		}
	}
}
