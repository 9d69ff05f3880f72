package finetune

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fragua/finetune/examples"
	"fragua/finetune/linear"
	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// A choice is what was learned besides the network, and which strategy answers.
type choice struct {
	grams  []ngrams
	frozen frozen // its Dense is nil without a model
	// What frozen says of validation and of the set that is scored: its features are
	// those of the pretrained weights, which fine-tuning changes.
	onValidation, onScored [][]float64
	prompted               *prompted // nil: not asked for
	onValidationPrompted   [][]float64
	onScoredPrompted       [][]float64
	figures                []pipeline.Figure // of each candidate, on validation
}

// ngramSpecs are the n-gram models of an ensemble.
var ngramSpecs = []linear.Spec{linear.NBLR, linear.NBChars, linear.TFWords, linear.TFChars}

// frozenCosts are tried on validation, the first where there is none.
var frozenCosts = []float64{0.01, 0.001, 0.1}

// poolRidge draws the weights of a pool to the plain average: as much as a few
// examples of validation say.
const poolRidge = 1

// checkStrategy refuses what cannot be done with these examples.
func (j *job) checkStrategy(hasModel bool) error {
	if !j.ensembles() {
		if j.Strategy != Best && j.Strategy != Finetuned {
			return fault.Hintf(fmt.Errorf("strategy: %s is for texts of one class each, and the goal is %s", j.Strategy, j.Goal.Name), "leave strategy out")
		}
		if !hasModel {
			return fault.Hintf(fmt.Errorf("%s needs a pretrained model", j.Goal.Name), "from: {model: NAME, examples: NAME}")
		}
		return nil
	}
	if j.Strategy == Prompted && j.Prompt.Template == "" {
		return fault.Hintf(errors.New("strategy: prompted needs a prompt"), `prompt: {template: "Review: {text}\nSentiment: {label}", shots: 4}`)
	}
	if !hasModel && j.Strategy != Best && j.Strategy != NGrams {
		return fault.Hintf(fmt.Errorf("strategy: %s needs a pretrained model", j.Strategy), "from: {model: NAME, examples: NAME}; without a model, strategy: ngrams")
	}
	if len(j.candidates) > 1 && len(j.sets[examples.Validation]) == 0 {
		return fault.Hintf(errors.New("strategy: best chooses on validation examples, and there are none"),
			"give label a share, split: {validation: 0.1}; or name the strategy: finetuned, frozen, ngrams, finetuned+ngrams, frozen+ngrams or prompted")
	}
	return nil
}

// fitLinear learns from features of the pretrained network, before it changes, and
// from n-grams.
func (j *job) fitLinear(ctx context.Context) error {
	set := j.sets[examples.Train]
	labels := make([]int, len(set))
	for i, e := range set {
		labels[i] = slices.Index(j.tuned.Classes, e.Labels[0])
	}
	if slices.ContainsFunc(j.candidates, func(s Strategy) bool { return s.uses(NGrams) }) {
		texts := make([]string, len(set))
		for i, e := range set {
			texts[i] = e.Text
		}
		for _, s := range ngramSpecs {
			if err := ctx.Err(); err != nil {
				return err
			}
			m, err := s.Fit(texts, labels, len(j.tuned.Classes), j.balanced())
			if err != nil {
				return err
			}
			j.chosen.grams = append(j.chosen.grams, ngrams{m})
		}
	}
	if j.tuned.LM == nil {
		return nil
	}
	if err := j.fitFrozen(ctx, set, labels); err != nil || j.Prompt.Template == "" {
		return err
	}
	return j.askPretrained(ctx, set)
}

// askPretrained prompts the network before it changes.
func (j *job) askPretrained(ctx context.Context, train []examples.Example) (err error) {
	c := &j.chosen
	if c.prompted, err = newPrompted(ctx, j.tuned, &j.Prompt, train); err != nil {
		return err
	}
	if c.onValidationPrompted, err = c.prompted.logProbs(ctx, j.tuned, j.sets[examples.Validation]); err != nil {
		return err
	}
	c.onScoredPrompted, err = c.prompted.logProbs(ctx, j.tuned, j.scored())
	return err
}

func (j *job) fitFrozen(ctx context.Context, set []examples.Example, labels []int) error {
	vectors, err := features(ctx, j.tuned, set)
	if err != nil {
		return err
	}
	var x [][]float32
	var y []int
	for i, v := range vectors {
		if v != nil {
			x, y = append(x, v), append(y, labels[i])
		}
	}
	watched := j.sets[examples.Validation]
	onValidation, err := features(ctx, j.tuned, watched)
	if err != nil {
		return err
	}
	best := 0.0
	for i, cost := range frozenCosts {
		if i > 0 && len(watched) == 0 {
			break
		}
		d, err := linear.FitDense(x, y, len(j.tuned.Classes), cost, j.balanced())
		if err != nil {
			return err
		}
		said := frozen{d}.of(onValidation)
		rows, want := answeredRows([][][]float64{said}, watched, j.tuned.Classes)
		if loss := linear.LogLoss(rows[0], want); i == 0 || loss < best {
			j.chosen.frozen, j.chosen.onValidation, best = frozen{d}, said, loss
		}
	}
	scored, err := features(ctx, j.tuned, j.scored())
	if err != nil {
		return err
	}
	j.chosen.onScored = j.chosen.frozen.of(scored)
	return nil
}

// balanced reports whether rare classes weigh more.
func (j *job) balanced() bool {
	g, ok := j.Goal.Goal.(*Sentiment)
	return ok && g.ClassWeights == WeightsBalanced
}

// answeredRows leaves out examples that one of the members does not answer.
func answeredRows(said [][][]float64, set []examples.Example, classes []string) (rows [][][]float64, labels []int) {
	rows = make([][][]float64, len(said))
	for i, e := range set {
		if slices.ContainsFunc(said, func(rows [][]float64) bool { return rows[i] == nil }) {
			continue
		}
		for k := range said {
			rows[k] = append(rows[k], said[k][i])
		}
		labels = append(labels, slices.Index(classes, e.Labels[0]))
	}
	return rows, labels
}

// choose makes the candidate with the least log loss on validation the model's
// answer. Weights of pools are fitted on validation too, so each example is judged
// with weights that were fitted on the others.
func (j *job) choose(ctx context.Context, env *pipeline.Env, dir string) error {
	set := j.sets[examples.Validation]
	said := map[Strategy][][][]float64{} // of each part, by member
	for _, g := range j.chosen.grams {
		p, err := g.logProbs(ctx, j.tuned, set)
		if err != nil {
			return err
		}
		said[NGrams] = append(said[NGrams], p)
	}
	if j.trained {
		p, err := network{}.logProbs(ctx, j.tuned, set)
		if err != nil {
			return err
		}
		said[Finetuned] = [][][]float64{p}
	}
	if j.chosen.frozen.Dense != nil {
		said[Frozen] = [][][]float64{j.chosen.onValidation}
	}
	if j.chosen.prompted != nil {
		said[Prompted] = [][][]float64{j.chosen.onValidationPrompted}
	}
	best, least := -1, 0.0
	pools := make([]linear.Pool, len(j.candidates))
	for i, c := range j.candidates {
		var members [][][]float64
		for _, part := range []Strategy{Finetuned, Frozen, NGrams, Prompted} {
			if c.uses(part) {
				members = append(members, said[part]...)
			}
		}
		rows, labels := answeredRows(members, set, j.tuned.Classes)
		if len(labels) == 0 {
			pools[i] = linear.Average(len(members))
			continue
		}
		pools[i] = linear.FitPool(rows, labels, poolRidge)
		out := linear.CrossFit(rows, labels, poolRidge)
		loss, right := linear.LogLoss(out, labels), linear.Accuracy(out, labels)
		j.chosen.figures = append(j.chosen.figures,
			pipeline.Figure{Name: "validation log loss", Value: loss, N: int64(len(labels)), Unit: "nats a text", Better: "lower", Note: string(c)},
			pipeline.Figure{Name: "validation accuracy", Value: right, N: int64(len(labels)), Unit: "share", Better: "higher", Note: string(c)})
		if len(j.candidates) > 1 {
			env.Progress.Say(fmt.Sprintf("%-16s  validation log loss %.4f  accuracy %.3f", c, loss, right))
		}
		if best < 0 || loss < least {
			best, least = i, loss
		}
	}
	best = max(best, 0)
	e := &ensemble{strategy: j.candidates[best], pool: pools[best]}
	if e.strategy.uses(Finetuned) {
		e.members = append(e.members, network{})
	}
	if e.strategy.uses(Frozen) {
		e.members = append(e.members, j.chosen.frozen)
	}
	if e.strategy.uses(NGrams) {
		for _, g := range j.chosen.grams {
			e.members = append(e.members, g)
		}
	}
	if e.strategy == Prompted {
		e.members = append(e.members, j.chosen.prompted)
	}
	return j.adopt(e, dir)
}

// adopt makes an ensemble the answer: the network is then fine-tuned, as it was
// pretrained, or not needed.
func (j *job) adopt(e *ensemble, dir string) error {
	j.answers = &Tuned{Goal: j.tuned.Goal, Classes: j.tuned.Classes, ensemble: e}
	if e.strategy == NGrams {
		return nil
	}
	j.answers.LM, j.answers.Model, j.answers.Tokenizer = j.tuned.LM, j.tuned.Model, j.tuned.Tokenizer
	if !e.strategy.uses(Finetuned) && j.trained {
		var err error
		if j.answers.LM, _, err = j.open(dir, j.seed); err != nil {
			return err
		}
		j.answers.Model, err = j.Goal.Build(j.answers.LM, j.tuned.Classes, nil, j.seed)
		return err
	}
	return nil
}
