package train

import (
	"encoding/json"
	"errors"
	"fmt"

	"fragua/model/mpi"
	"fragua/pipeline/fault"
)

// Several processes, each a rank, share a step's batches: batch i belongs to rank i modulo their
// number. All hold the same weights and make the same updates of the same sums. Rank 0 alone reads and
// writes files, validates, and says whether there is another step.

// ranks is which process this is, and of how many.
func (l *Loop) ranks() (rank, of int) {
	if l.World == nil {
		return 0, 1
	}
	return l.World.Rank, l.World.Size
}

// canShare refuses what processes cannot share. Rank 0 asks before the others begin.
func (l *Loop) canShare() error {
	_, ranks := l.ranks()
	if ranks == 1 {
		return nil
	}
	if l.Device != nil {
		return errors.New("processes share the work of CPUs; leave out --device, or mpiexec")
	}
	if max(l.Accumulate, 1) < ranks {
		return fault.Hintf(fmt.Errorf("a step is %d batches, which %d processes cannot share", max(l.Accumulate, 1), ranks),
			"set accumulate, or batch_tokens, so that a step has at least as many batches; a smaller batch keeps the step as large as it was")
	}
	if l.Length != nil {
		return fault.Hintf(errors.New("minutes end by the clock of one process, and several would not agree"), "set steps, or schedule: cosine")
	}
	if _, ok := l.Optimizer.(*ASGD); ok {
		return errors.New("asgd decides by validation, which one process does alone; processes share the other optimizers")
	}
	return nil
}

// share gives the state of rank 0 to all.
func (l *Loop) share() error {
	if l.World == nil {
		return nil
	}
	s := savedState{At: l.at, Updates: l.slab.Updates}
	s.At.Unreported = nil
	var err error
	if r, ok := l.state.(Stateful); ok {
		if s.Optimizer, err = json.Marshal(r.State()); err != nil {
			return err
		}
	}
	if err := l.World.Tell(&s); err != nil {
		return err
	}
	if l.World.Rank != 0 {
		l.at = s.At
		copy(l.slab.Updates, s.Updates)
		if r, ok := l.state.(Stateful); ok {
			if err := json.Unmarshal(s.Optimizer, r.State()); err != nil {
				return err
			}
		}
	}
	for _, p := range l.slab.Params {
		if err := mpi.Broadcast(l.World, p.Data); err != nil {
			return err
		}
	}
	for _, m := range l.state.Moments() {
		if err := mpi.Broadcast(l.World, m.Data); err != nil {
			return err
		}
	}
	return nil
}

// together is what rank 0 says: whether there is another step.
func (l *Loop) together(another bool) (bool, error) {
	if l.World == nil {
		return another, nil
	}
	said := another
	err := l.World.Tell(&said)
	return said, err
}
