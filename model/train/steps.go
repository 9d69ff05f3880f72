package train

import (
	"errors"
	"math"

	"fragua/model"
	"fragua/model/kernel"
	"fragua/model/tensor"
)

// steps is where the work of a loop's steps is done: on the CPU, where the host's arrays are all
// there is, or on devices.
type steps interface {
	// sum computes the gradients of a step's batches, the first of which is that number of pass over
	// the whole run, and returns their Σ nll and the norm of their sum.
	sum(b *stepBatches, first uint64) (nll, norm float64, err error)
	// update changes each parameter whose rate is not 0 with scale times its gradient.
	update(rates []float64, scale float32) error
	// fetch brings weights and moments to the host, send brings the host's weights back.
	fetch() error
	send() error
	scorer(model.LanguageModel) model.Scorer
}

// place decides where the steps are done.
func (l *Loop) place() (err error) {
	if l.Device != nil {
		l.steps, err = newDeviceSteps(l)
		return err
	}
	tape := tensor.NewTape(l.Seed)
	tape.Train, tape.BF16 = true, l.slab.BF16
	l.steps = &cpuSteps{l: l, tape: tape}
	return nil
}

// cpuSteps does them on the tape.
type cpuSteps struct {
	l     *Loop
	tape  *tensor.Tape
	total []float32 // gradients of the step's batches so far, if there are several
}

func (s *cpuSteps) sum(batches *stepBatches, first uint64) (nll, norm float64, err error) {
	l := s.l
	if lm, ok := l.Model.(model.LanguageModel); ok && s.tape.Bytes() == 0 {
		b := batches.micro[0]
		s.tape.Reserve(model.SizeOf(lm, b.T, b.B).Tape)
	}
	if len(batches.micro) == 1 {
		nll = s.gradients(batches.micro[0], first)
	} else if nll, err = s.several(batches.micro, first); err != nil {
		return 0, 0, err
	}
	return nll, math.Sqrt(kernel.SumSquares(l.slab.Grad)), nil
}

// gradients leaves the gradients of a batch in the slab and returns its Σ nll.
func (s *cpuSteps) gradients(b *model.Batch, pass uint64) (nll float64) {
	l := s.l
	l.slab.Clear()
	s.tape.Step = pass
	b.State = l.at.carry
	loss := l.Model.Loss(s.tape, b)
	s.tape.Backward(loss.Total)
	l.at.carry = b.State
	l.slab.Flush()
	return loss.NLL
}

// several leaves the sum of the gradients of batches in the slab. Each batch's are added in their
// order, so that processes which take turns sum to the same bits as one alone.
func (s *cpuSteps) several(batches []*model.Batch, first uint64) (nll float64, err error) {
	l := s.l
	if s.total == nil {
		s.total = l.slab.New()
	}
	kernel.Clear(s.total)
	rank, ranks := l.ranks()
	for i := 0; i < len(batches); i += ranks {
		own := 0.0
		if at := i + rank; at < len(batches) {
			if ranks > 1 && batches[at].Resume {
				return 0, errors.New("order: stream: each batch goes on from the one before, so processes cannot share them; order: shuffle can be shared")
			}
			own = s.gradients(batches[at], first+uint64(at))
		}
		if ranks == 1 {
			kernel.AddTo(s.total, l.slab.Grad)
			nll += own
			continue
		}
		n := min(ranks, len(batches)-i)
		all, err := l.World.Gather(own)
		if err == nil {
			err = l.World.Add(s.total, l.slab.Grad, n)
		}
		if err != nil {
			return 0, err
		}
		for _, other := range all[:n] {
			nll += other
		}
	}
	copy(l.slab.Grad, s.total)
	return nll, nil
}

func (s *cpuSteps) update(rates []float64, scale float32) error {
	s.l.state.Update(rates, scale)
	return nil
}

func (s *cpuSteps) fetch() error                              { return nil }
func (s *cpuSteps) send() error                               { return nil }
func (s *cpuSteps) scorer(m model.LanguageModel) model.Scorer { return model.Score(m) }
