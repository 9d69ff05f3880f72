package train

import (
	"context"

	"fragua/model/kernel/par"
	"fragua/model/mpi"
	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// A Shared is a training that rank 0 begins, as it tells the other processes of it. No Stage: there is
// no more to be done.
type Shared struct {
	Stage string
	In    map[string][]string // directories
	Steps int64
	CPU   string
}

func newShared(env *pipeline.Env, steps int64) *Shared {
	s := &Shared{Stage: env.Stage, In: map[string][]string{}, Steps: steps, CPU: env.CPU}
	for name, dirs := range env.In {
		for _, d := range dirs {
			s.In[name] = append(s.In[name], d.Path)
		}
	}
	return s
}

// Follow takes part in a training that rank 0 has begun; it writes nothing. All processes see the same
// files.
func (p *Pretrain) Follow(ctx context.Context, s Shared, w *mpi.World, seed uint64, workers int) error {
	env := &pipeline.Env{Stage: s.Stage, In: map[string][]pipeline.Dir{}, Seed: seed, CPU: s.CPU, Workers: workers}
	for name, paths := range s.In {
		for _, path := range paths {
			m, err := pipeline.ReadManifest(path)
			if err != nil {
				return fault.Hintf(err, "all processes must see the same files")
			}
			env.In[name] = append(env.In[name], pipeline.Dir{Path: path, Manifest: m})
		}
	}
	if err := level(env); err != nil {
		return fault.Hintf(err, "give --cpu, so that all machines compute alike")
	}
	par.SetWorkers(workers)
	d, err := openData(env.One("blocks"))
	if err != nil {
		return err
	}
	defer d.close()
	t := &pretraining{Pretrain: p, env: env, data: d, steps: s.Steps}
	if t.lm, err = p.build(env, d.tok, d.train.Context()); err != nil {
		return err
	}
	t.loop = t.newLoop(t.lm, t.steps)
	t.loop.World = w
	return t.loop.Run(ctx)
}
