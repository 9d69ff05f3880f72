package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"fragua/model"
	"fragua/model/mpi"
	"fragua/model/nn"
	"fragua/model/tensor"
	"fragua/model/xla"
	"fragua/pipeline/fault"
)

// A Model is all that the loop asks of a model.
type Model interface {
	Params() []nn.Param
	Loss(*tensor.Tape, *model.Batch) model.Loss
}

// A Loop is one training run. Its fields are set once, before Run.
type Loop struct {
	Model     Model
	Source    Source
	Optimizer OptimizerSettings
	// Rate is the learning rate of a group of parameters at a step, counted from
	// 0. A rate of 0 freezes the group for that step.
	Rate  func(step int64, group int) float64
	Steps int64 // optimizer steps to take
	// Length is how many steps to take, asked before each, where that is not known
	// from the start; 0: not yet known. Nil: Steps.
	Length     func() int64
	Accumulate int         // micro-batches a step; 0: one
	Clip       float64     // greatest norm of the whole gradient; 0: any
	Spike      float64     // skip a step whose gradient norm is this many times the usual; 0: never
	Seed       uint64      // of dropout masks: with the number of the pass it is all their randomness
	Floats     Floats      // "": F32
	Device     *xla.Client // what computes; nil: the CPU
	World      *mpi.World  // the processes that share each step's batches; nil: this one is alone
	Bytes      []int32     // UTF-8 bytes of each id; nil: Step.Bytes stays 0

	Checkpoint Checkpoint
	History    any // pointer to what After gathers; checkpoints hold it as JSON
	// After is called after each step, skipped or not. ErrStop ends the run
	// early; another error ends it as failed. If the context ends while After is
	// at work it is called again for the same step when the run is resumed, so it
	// changes what History points to, and calls Offer and Observe, last.
	After func(context.Context, Step) error

	slab   *Slab
	state  Optimizer
	report Step // of the last step
	steps  steps
	at     position
	best   []float32
	saved  time.Time // when the last checkpoint was written
}

// ErrStop, returned by Loop.After, ends a run as done.
var ErrStop = errors.New("training has reached its aim")

// A Step says what one step did.
type Step struct {
	Done    int64   // steps taken so far, this one included
	Steps   int64   // steps in all; 0: not yet known
	Rate    float64 // the greatest of the groups' rates
	NLL     float64 // Σ −log p of the step's targets, in nats
	Targets int64   // how many targets that was
	Bytes   int64   // UTF-8 bytes of those targets
	Norm    float64 // of the gradient, before clipping
	Skipped string  // why the weights were not changed; "" if they were
}

// Loss is the mean over the step's targets, in nats.
func (s Step) Loss() float64 { return s.NLL / float64(max(s.Targets, 1)) }

// position is where a run stands: with weights and moments, all that the next
// step depends on.
type position struct {
	Step       int64   `json:"step"`
	Skipped    int64   `json:"skipped"`
	InARow     int64   `json:"in_a_row"` // skipped just now, one after the other
	UsualNorm  float64 `json:"usual_norm"`
	Norms      int64   `json:"norms"` // in UsualNorm
	BestScore  float64 `json:"best_score"`
	BestStep   int64   `json:"best_step"` // 0: none
	Stopped    bool    `json:"stopped"`
	Unreported *Step   `json:"unreported,omitempty"` // the last step, if After was not yet called for it

	carry [][]float32
}

const mostSkips = 10 // this many skipped steps in a row end the run

// Run takes the steps that are left: all of them, or those after the last
// checkpoint. When the context ends it writes a checkpoint first and returns
// the context's error. At the end the model holds its best weights if Offer was
// called, else the optimizer's average if it keeps one, else the last.
func (l *Loop) Run(ctx context.Context) error {
	var err error
	if l.slab, err = NewSlab(l.Model.Params()); err != nil {
		return err
	}
	l.slab.BF16 = l.Floats.Resolve() == BF16
	l.state = l.Optimizer.New(l.slab)
	if err := l.resume(); err != nil {
		return err
	}
	if err := errors.Join(l.place(), l.share()); err != nil {
		return err
	}
	passes := int64(max(l.Accumulate, 1))
	rates := make([]float64, len(l.slab.Params))
	queue, stop := l.gather(l.at.Step, int(passes))
	defer stop()

	if l.at.Unreported != nil {
		if err := l.reportStep(ctx); err != nil {
			return err
		}
	}
	for {
		n := l.length()
		another, err := l.together((n == 0 || l.at.Step < n) && !l.at.Stopped && ctx.Err() == nil)
		if err != nil {
			return err
		}
		if !another {
			break
		}
		batches := <-queue.ready
		if batches.err != nil {
			return batches.err
		}
		report := &l.report
		*report = Step{Done: l.at.Step + 1, Steps: n, Targets: batches.targets, Bytes: batches.bytes}
		for i, p := range l.slab.Params {
			rates[i] = l.Rate(l.at.Step, p.Group)
			report.Rate = max(report.Rate, rates[i])
		}

		l.slab.thaw(rates)
		report.NLL, report.Norm, err = l.steps.sum(batches, uint64(l.at.Step*passes))
		queue.free <- batches
		if err != nil {
			return err
		}
		report.Skipped = l.unfit(*report)
		if report.Skipped == "" {
			scale := 1.0
			if l.Clip > 0 && report.Norm > l.Clip {
				scale = l.Clip / report.Norm
			}
			for i := range rates {
				if rates[i] != 0 {
					l.slab.Updates[i]++
				}
			}
			if err := l.steps.update(rates, float32(scale)); err != nil {
				return err
			}
		}
		l.at.Step++
		l.at.Unreported = report
		if err := l.reportStep(ctx); err != nil {
			return err
		}
		if l.Checkpoint.due(l.at.Step, l.saved) {
			if err := l.save(); err != nil {
				return err
			}
		}
	}
	if rank, _ := l.ranks(); rank != 0 {
		return nil
	}
	if n := l.length(); ctx.Err() != nil && (n == 0 || l.at.Step < n) && !l.at.Stopped {
		return errors.Join(ctx.Err(), l.save())
	}
	l.slab.thawAll()
	if err := l.save(); err != nil {
		return err
	}
	return l.finish()
}

func (l *Loop) length() int64 {
	if l.Length != nil {
		return l.Length()
	}
	return l.Steps
}

// unfit says why a step must not change the weights, and keeps the usual norm
// of those that did.
func (l *Loop) unfit(r Step) string {
	const memory, enough = 50, 20 // updates
	usual := l.at.UsualNorm
	switch {
	case r.Targets == 0:
		return "the batch has no targets"
	case math.IsNaN(r.NLL) || math.IsInf(r.NLL, 0):
		return fmt.Sprintf("the loss is %v", r.NLL)
	case math.IsNaN(r.Norm) || math.IsInf(r.Norm, 0):
		return fmt.Sprintf("the gradient's norm is %v", r.Norm)
	case l.Spike > 0 && l.at.Norms >= enough && r.Norm > l.Spike*usual:
		return fmt.Sprintf("the gradient's norm is %.3g, %.0f times the usual %.3g", r.Norm, r.Norm/usual, usual)
	}
	l.at.Norms++
	l.at.UsualNorm += (r.Norm - usual) / float64(min(l.at.Norms, memory))
	return ""
}

// reportStep calls After for the last step. If the context ends meanwhile it
// writes a checkpoint that knows that this is still to be done.
func (l *Loop) reportStep(ctx context.Context) error {
	r := *l.at.Unreported
	if l.After != nil {
		err := l.After(ctx, r)
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return errors.Join(err, l.save())
		}
		if errors.Is(err, ErrStop) {
			l.at.Stopped, err = true, nil
		}
		if err != nil {
			return err
		}
	}
	l.at.Unreported = nil
	if r.Skipped == "" {
		l.at.InARow = 0
		return nil
	}
	l.at.Skipped++
	if l.at.InARow++; l.at.InARow >= mostSkips {
		return fault.Hintf(fmt.Errorf("step %d: %d steps in a row were skipped; of the last, %s", r.Done, mostSkips, r.Skipped),
			"a lower lr or a longer warmup keeps the weights finite")
	}
	return nil
}

// Skipped is how many steps did not change the weights.
func (l *Loop) Skipped() int64 { return l.at.Skipped }

// Trains is how many numbers train. It may be called once Run has begun.
func (l *Loop) Trains() int64 { return l.slab.Trains() }

// Fetch makes the model's weights those of the last step, if a device has them. After must call it
// before it reads weights; WithAverage does.
func (l *Loop) Fetch() error { return l.steps.fetch() }

// WithAverage calls f while the model holds the optimizer's average of the
// weights, if it keeps one.
func (l *Loop) WithAverage(f func() error) error {
	if err := l.Fetch(); err != nil {
		return err
	}
	a, ok := l.state.(Averager)
	if !ok {
		return f()
	}
	a.SwapAverage()
	err := l.steps.send()
	if err == nil {
		err = f()
	}
	a.SwapAverage()
	return errors.Join(err, l.steps.send())
}

// Scorer scores with the model where its weights are.
func (l *Loop) Scorer(m model.LanguageModel) model.Scorer { return l.steps.scorer(m) }

// Observe tells the optimizer the validation loss, in nats a target.
func (l *Loop) Observe(nll float64) {
	if o, ok := l.state.(Observer); ok {
		if math.IsNaN(nll) {
			nll = math.Inf(1)
		}
		o.Observe(finite(nll))
	}
}

// Offer keeps the weights as they are now, if their score is the greatest yet.
// Run ends with the best. It is called inside WithAverage, or after Fetch.
func (l *Loop) Offer(score float64) (isBest bool) {
	if score = finite(score); math.IsNaN(score) || l.at.BestStep > 0 && score <= l.at.BestScore {
		return false
	}
	if l.best == nil {
		l.best = l.slab.New()
	}
	for i, p := range l.slab.Params {
		copy(l.slab.Part(l.best, i), p.Data)
	}
	l.at.BestScore, l.at.BestStep = score, max(l.at.Step, 1)
	return true
}

// finite brings infinities down to what JSON, and so a checkpoint, can hold.
func finite(x float64) float64 {
	return max(min(x, math.MaxFloat64), -math.MaxFloat64)
}

// Best is the greatest score offered and the step after which it was; 0, 0 if
// there was none.
func (l *Loop) Best() (score float64, step int64) { return l.at.BestScore, l.at.BestStep }

func (l *Loop) finish() error {
	if err := l.Fetch(); err != nil {
		return err
	}
	if l.at.BestStep > 0 {
		l.slab.Swap(l.best)
	} else if a, ok := l.state.(Averager); ok {
		a.SwapAverage()
	}
	return l.steps.send()
}
