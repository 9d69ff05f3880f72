package pipeline

import (
	"context"
	"fmt"

	"fragua/pipeline/cluster"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// A PlannedPhase is a phase as it would be handed to the scheduler.
type PlannedPhase struct {
	Name   string
	Whole  bool   // its task gets a whole machine
	Script string // for as many shards as the settings allow: how many tasks there are shows when the phase begins
}

// plannedPhases says what the stage would submit.
func (s *stage) plannedPhases(ctx context.Context) ([]PlannedPhase, error) {
	shards := s.run.cluster.Shards
	if most, err := s.run.cluster.Most(ctx); err == nil { // a plan may be made where there is no cluster
		shards = min(shards, most)
	}
	var list []PlannedPhase
	for i, ph := range s.phaseList() {
		p := &phase{stage: s, Phase: ph, folder: s.work().phase(i, ph.Name)}
		n := shards
		if ph.Exclusive {
			n = 1
		}
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		b, err := p.batch(all, n)
		if err != nil {
			return nil, err
		}
		list = append(list, PlannedPhase{ph.Name, ph.Exclusive, s.run.cluster.Script(b)})
	}
	return list, nil
}

// planRaw takes in the checksums that an earlier run on the cluster left. Files without
// one are not read, which may be too much for the machine that plans.
func (r *run) planRaw(ctx context.Context) error {
	s, err := r.listRaw(ctx)
	if err != nil {
		return err
	}
	tasks, err := s.tasks(ctx, nil)
	if err != nil {
		return err
	}
	folder := r.workOf(rawStage+".0").phase(0, "hash")
	for _, t := range tasks {
		dirs := folder.task(t.ID)
		rec, err := dirs.trust(ctx, t)
		if err == nil && rec != nil {
			err = r.sums.Import(store.Join(dirs.files(rec), rawSumsName))
		}
		if err != nil {
			return err
		}
	}
	for _, f := range s.files {
		r.sums.Assume(f.Path, fmt.Sprint("not read: ", f.Size, " bytes of ", f.Time))
	}
	return nil
}

// refuseLocal refuses what another machine could not find.
func (r *run) refuseLocal() error {
	if r.cluster == nil || r.cluster.Volume != "" || r.cluster.On != cluster.OnKubernetes {
		return nil
	}
	places := []string{r.root}
	for _, e := range r.c.Stages {
		if reader, ok := e.With.(RawInputs); ok {
			files, err := reader.Reads()
			if err != nil {
				return err
			}
			for _, f := range files {
				places = append(places, f.Path)
			}
		}
	}
	for _, p := range places {
		if !store.IsRemote(p) {
			return &fault.UsageError{Err: fault.Hintf(fmt.Errorf("%s lies on this machine, where no pod finds it", p), "put it into S3 (s3://BUCKET/KEY), or name a volume that holds it at the same path: --set cluster.volume=CLAIM:PATH")}
		}
	}
	return nil
}
