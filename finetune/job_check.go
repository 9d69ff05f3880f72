package finetune

import (
	"fmt"
	"slices"
	"strings"

	"fragua/finetune/examples"
	"fragua/pipeline/fault"
)

// checkLabels refuses labels of validation and test that training has not, and what is no number.
func (j *job) checkLabels() error {
	if j.tuned.Classes == nil {
		return nil
	}
	_, numbers := j.Goal.Goal.(*Regression)
	for _, split := range examples.Splits {
		for _, e := range j.sets[split] {
			if numbers {
				if _, err := valueOf(e); err != nil {
					return fmt.Errorf("%s: %w", split, err)
				}
				continue
			}
			if len(e.Labels) != 1 && j.ensembles() {
				return fmt.Errorf("%s: example %s has %d labels, want one", split, e.ID, len(e.Labels))
			}
			for _, l := range e.Labels {
				if !slices.Contains(j.tuned.Classes, l) {
					return fault.Hintf(fmt.Errorf("%s: example %s: label %q is not one of %q", split, e.ID, l, j.tuned.Classes),
						"classes are those of the training examples")
				}
			}
		}
	}
	return nil
}

// validate refuses to train where nothing would be learned.
func (j *job) validate() error {
	l := j.trainLengths
	if len(j.rows) == 0 {
		return fault.Hintf(fmt.Errorf("all %d training examples are longer than the context of %d tokens (the longest has %d)", l.Dropped, j.tuned.LM.Context(), l.Longest),
			"shorten them with too_long, or pretrain with a longer context")
	}
	if j.tuned.Classes == nil {
		for _, s := range j.rows {
			if !slices.Contains(s.learn, true) {
				e := j.sets[examples.Train][s.row]
				return fmt.Errorf("example %s: every target is masked, so nothing would be learned: %s", e.ID, j.show(s))
			}
		}
		if g, ok := j.Goal.Goal.(*Instruction); ok {
			return j.checkAnswers(g)
		}
		return nil
	}
	if _, numbers := j.Goal.Goal.(*Regression); numbers {
		return nil
	}
	left := make([]int, len(j.tuned.Classes))
	for _, s := range j.rows {
		for _, l := range s.labels {
			left[l]++
		}
		if s.class >= 0 {
			left[s.class]++
		}
	}
	for c, n := range left {
		if n == 0 {
			return fault.Hintf(fmt.Errorf("no training example of class %q is left: %d were too long", j.tuned.Classes[c], l.Dropped),
				"shorten texts with too_long: keep_ends")
		}
	}
	return nil
}

// checkAnswers refuses conversations whose answers would be learned without their end, and too many
// that are too long.
func (j *job) checkAnswers(g *Instruction) error {
	for _, s := range j.rows {
		for i, id := range s.ids {
			// The token after what is learned is read only: so the last that is learned ends the turn.
			if s.learn[i] && (i+1 == len(s.ids) || !s.learn[i+1]) && (id != g.end || g.end < 0) {
				return fault.Hintf(fmt.Errorf("example %s: the end of the answer is masked, so the model would not learn to stop: %s", j.sets[examples.Train][s.row].ID, j.show(s)),
					"the chat template must put a special token of the tokenizer behind each answer; it has: %s", strings.Join(specials(j.tuned.Tokenizer), ", "))
			}
		}
	}
	if l := j.trainLengths; float64(l.Dropped) > g.MaxCut*float64(l.Whole+l.Dropped) {
		return fault.Hintf(fmt.Errorf("%d of %d conversations are longer than the context of %d tokens, more than max_cut: %v allows", l.Dropped, l.Whole+l.Dropped, j.tuned.LM.Context(), g.MaxCut),
			"shorten them, take a model with a longer context, or raise max_cut")
	}
	return nil
}
