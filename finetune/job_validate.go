package finetune

import (
	"context"
	"fmt"

	"fragua/finetune/examples"
	"fragua/model"
	"fragua/model/tensor"
	"fragua/model/train"
	"fragua/pipeline"
)

// A validation is the score of the weights at one step.
type validation struct {
	loss   float64
	figure float64 // that chooses the best weights
	sample string
}

// evaluate scores the weights on validation.
func (j *job) evaluate(ctx context.Context) (*validation, error) {
	loss, err := j.validationLoss(ctx)
	if err != nil {
		return nil, err
	}
	s := &validation{loss: loss, figure: loss}
	if m := j.metric(); m != "loss" {
		answers, err := j.tuned.answer(ctx, j.watched)
		if err != nil {
			return nil, err
		}
		set, answers, _ := answered(j.watched, answers)
		score, err := j.Goal.Score(set, answers, j.tuned.Classes, false)
		if err != nil {
			return nil, err
		}
		for _, f := range score.Figures {
			if f.Name == m {
				s.figure = f.Value
			}
		}
	}
	if j.tuned.Classes == nil {
		answers, err := j.tuned.answer(ctx, j.watched[:1])
		if err != nil {
			return nil, err
		}
		s.sample = fmt.Sprintf("  %q → %q", answers[0].Input, answers[0].Got)
	}
	return s, nil
}

// record adds a validation to the history, keeps the best weights, and ends
// training when patience is used up.
func (j *job) record(env *pipeline.Env, step train.Step, s validation) error {
	at := float64(step.Done)
	j.seen.Validation = append(j.seen.Validation, [2]float64{at, s.loss})
	j.seen.Metric = append(j.seen.Metric, [2]float64{at, s.figure})
	env.Progress.Measure(pipeline.Point{Curve: examples.Validation, Unit: j.lossUnit(), Step: step.Done, Value: s.loss})
	if m := j.metric(); m != "loss" {
		env.Progress.Measure(pipeline.Point{Curve: examples.Validation, Unit: m, Step: step.Done, Value: s.figure})
	}
	score := s.figure
	if j.metric() == "loss" {
		score = -s.loss
	}
	mark, best := "", false
	if err := j.loop.WithAverage(func() error { best = j.loop.Offer(score); return nil }); err != nil {
		return err
	}
	if best {
		j.seen.Stale, mark = 0, "  (best)"
	} else {
		j.seen.Stale++
	}
	j.loop.Observe(s.loss)
	line := fmt.Sprintf("step %d of %d  loss %.3f  validation loss %.3f", step.Done, step.Steps, step.Loss(), s.loss)
	if m := j.metric(); m != "loss" {
		line += fmt.Sprintf("  %s %.3f", m, s.figure)
	}
	env.Progress.Say(line + mark + s.sample)
	if j.Stop.Patience > 0 && j.seen.Stale >= j.Stop.Patience {
		env.Progress.Say(fmt.Sprintf("stopped: %s has not become better in %d validations", j.metric(), j.Stop.Patience))
		return train.ErrStop
	}
	return nil
}

// validationLoss is the mean loss of a target, or of a text, in nats.
func (j *job) validationLoss(ctx context.Context) (float64, error) {
	var b model.Batch
	tp := tensor.Scratch()
	nll, targets := 0.0, 0
	for _, at := range inOrder(j.validation, rowsAtOnce) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		j.Goal.Fill(&b, pickRows(j.validation, at), len(j.tuned.Classes))
		l := j.tuned.Model.Loss(tp, &b)
		nll += l.NLL
		targets += l.Targets
		tp.Reset()
	}
	return nll / float64(max(targets, 1)), nil
}
