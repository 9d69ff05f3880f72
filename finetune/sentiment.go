package finetune

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"fragua/finetune/examples"
	"fragua/finetune/metric"
	"fragua/model"
	"fragua/model/nn"
	"fragua/model/tensor"
	"fragua/model/train"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/tokenize"
)

// Sentiment is the goal of naming a text's class: a linear head over the
// decoder's last states, trained together with it (Radford et al. 2018,
// section 3.2). A sequence is the text and <|endoftext|>, where the head reads.
type Sentiment struct {
	Pool         Pool         `yaml:"pool" doc:"What the head reads: the last state, or last, greatest and mean side by side."`
	TooLong      TooLong      `yaml:"too_long" doc:"What becomes of texts longer than the context: error, drop, keep_start, keep_end or keep_ends. Required."`
	ClassWeights ClassWeights `yaml:"class_weights" doc:"What a class weighs in the loss. balanced: rare classes weigh more."`
	Dropout      float64      `yaml:"dropout" doc:"Of what the head reads."`
	Smoothing    float64      `yaml:"label_smoothing" doc:"Share of the label given to all classes alike."`
}

// NewSentiment returns the goal with its defaults; TooLong has none.
func NewSentiment() *Sentiment {
	return &Sentiment{Pool: PoolLast, ClassWeights: WeightsNone, Dropout: 0.1}
}

// Pool is what the head reads.
type Pool string

// The pools.
const (
	PoolLast   Pool = "last"   // the state at <|endoftext|>, as transformers' …ForSequenceClassification reads it
	PoolConcat Pool = "concat" // last, greatest and mean over the text (Howard and Ruder 2018, section 3.3)
)

// Values lists the pools.
func (Pool) Values() []string { return []string{string(PoolLast), string(PoolConcat)} }

// ClassWeights is how classes weigh in the loss.
type ClassWeights string

// The weights.
const (
	WeightsNone     ClassWeights = "none"
	WeightsBalanced ClassWeights = "balanced" // rows / (classes · rows of the class)
)

// Values lists the weights.
func (ClassWeights) Values() []string { return []string{string(WeightsNone), string(WeightsBalanced)} }

// Check finds faults that types cannot show.
func (g *Sentiment) Check() []fault.Fault {
	faults := g.TooLong.fault()
	for path, share := range map[string]float64{"dropout": g.Dropout, "label_smoothing": g.Smoothing} {
		if share < 0 || share >= 1 {
			faults = append(faults, fault.Fault{Path: path, Err: fmt.Sprintf("%v is not in [0, 1)", share)})
		}
	}
	return faults
}

// Long is what to do with long texts.
func (g *Sentiment) Long() TooLong { return g.TooLong }

// Metrics are what training may be stopped by.
func (g *Sentiment) Metrics() []string { return []string{"macro F1", "accuracy", "loss"} }

// Segments is the text, which may be cut, and its end.
func (g *Sentiment) Segments(e examples.Example) []Segment {
	return []Segment{{Text: e.Text, Cut: true}, {Token: tokenize.EndOfText}}
}

// Prompt is the same: the answer is read off, not written.
func (g *Sentiment) Prompt(e examples.Example) []Segment { return g.Segments(e) }

// Classes are the labels, sorted; each example has one.
func (g *Sentiment) Classes(set []examples.Example) ([]string, error) {
	seen := map[string]bool{}
	for _, e := range set {
		if len(e.Labels) != 1 {
			return nil, fault.Hintf(fmt.Errorf("example %s has %d labels, want one", e.ID, len(e.Labels)),
				"sentiment needs one label an example; pairs of sentences are for translation")
		}
		seen[e.Labels[0]] = true
	}
	classes := slices.Sorted(maps.Keys(seen))
	if len(classes) < 2 {
		return nil, fmt.Errorf("the training examples have %d classes (%q), and to tell apart there must be two", len(classes), classes)
	}
	return classes, nil
}

// Fill lays texts out from the left, each row with the one-hot label of its class.
func (g *Sentiment) Fill(b *model.Batch, rows []sequence, classes int) {
	t := 0
	for _, s := range rows {
		t = max(t, len(s.ids))
	}
	lay(b, len(rows), t, false)
	b.Labels = make([]float32, len(rows)*classes)
	for r, s := range rows {
		copy(b.IDs[r*t:], s.ids)
		clear(b.Docs[r*t : r*t+len(s.ids)])
		if s.class < 0 {
			continue
		}
		row := b.Labels[r*classes:][:classes]
		for c := range row {
			row[c] = float32(g.Smoothing / float64(classes))
		}
		row[s.class] += float32(1 - g.Smoothing)
	}
}

// Build puts a head on the model.
func (g *Sentiment) Build(m model.LanguageModel, classes []string, set []examples.Example, seed uint64) (train.Model, error) {
	if len(classes) < 2 || slices.Contains(classes, "") {
		return nil, fmt.Errorf("a classifier with the labels %q", classes)
	}
	c := newClassifier(m, len(classes), g.Pool, float32(g.Dropout), nn.NewInit(seed))
	if g.ClassWeights == WeightsBalanced && len(set) > 0 {
		c.weights = make([]float32, len(classes))
		for _, e := range set {
			c.weights[slices.Index(classes, e.Labels[0])]++
		}
		for i, n := range c.weights {
			c.weights[i] = float32(float64(len(set)) / (float64(len(classes)) * float64(n)))
		}
	}
	return c, nil
}

// Answer names the class of each example and gives every class its probability.
func (g *Sentiment) Answer(ctx context.Context, m *Tuned, set []examples.Example) ([]Prediction, error) {
	c, ok := m.Model.(*classifier)
	if !ok {
		return nil, fmt.Errorf("the model has no classification head")
	}
	out, rows, err := m.prompts(set)
	if err != nil {
		return nil, err
	}
	var b model.Batch
	tp := tensor.Scratch()
	for _, at := range inOrder(rows, rowsAtOnce) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		g.Fill(&b, pickRows(rows, at), len(m.Classes))
		logits := c.logits(tp, &b)
		for i, r := range at {
			p := &out[rows[r].row]
			p.Probs = softmax(logits.Data[i*len(m.Classes):][:len(m.Classes)])
			best := 0
			for k, v := range p.Probs {
				if v > p.Probs[best] {
					best = k
				}
			}
			p.Got = m.Classes[best]
		}
		tp.Reset()
	}
	for i, e := range set {
		if len(e.Labels) == 1 {
			out[i].Want = e.Labels[0]
		}
	}
	return out, nil
}

func softmax(z []float32) []float32 {
	top, sum := slices.Max(z), 0.0
	p := make([]float32, len(z))
	for _, v := range z {
		sum += math.Exp(float64(v - top))
	}
	for i, v := range z {
		p[i] = float32(math.Exp(float64(v-top)) / sum)
	}
	return p
}

// Score compares labels.
func (g *Sentiment) Score(set []examples.Example, got []Prediction, classes []string, intervals bool) (pipeline.Metrics, error) {
	var want, said []string
	for i, e := range set {
		want, said = append(want, e.Labels[0]), append(said, got[i].Got)
	}
	s, err := metric.ScoreClasses(classes, want, said)
	if err != nil {
		return pipeline.Metrics{}, err
	}
	accuracy := pipeline.Figure{Name: "accuracy", Value: s.Accuracy, N: s.N, Unit: "share", Better: "higher", Headline: true}
	macroF1 := pipeline.Figure{Name: "macro F1", Value: s.MacroF1, N: s.N, Unit: "share", Better: "higher", Headline: true}
	if !intervals {
		return pipeline.Metrics{Figures: []pipeline.Figure{accuracy, macroF1}}, nil
	}
	accuracy.PlusMinus, macroF1.PlusMinus = s.AccuracyInterval(), s.MacroF1Interval()
	fs := []pipeline.Figure{accuracy, macroF1}
	for c, p := range s.PerClass {
		for _, f := range []struct {
			name  string
			value float64
		}{{"precision of ", p.Precision}, {"recall of ", p.Recall}, {"F1 of ", p.F1}} {
			fs = append(fs, pipeline.Figure{Name: f.name + s.Classes[c], Value: f.value, N: p.N, Unit: "share", Better: "higher"})
		}
	}
	return pipeline.Metrics{Figures: fs, Confusion: &pipeline.Confusion{Labels: s.Classes, Rows: s.Matrix}}, nil
}

// Baselines are the majority class and naive-Bayes bigrams, where there are
// examples to learn them from.
func (g *Sentiment) Baselines(train, test []examples.Example, classes []string) ([]Baseline, error) {
	if len(train) == 0 {
		return nil, nil
	}
	answers, err := ClassBaselines(classes, train, test)
	if err != nil {
		return nil, err
	}
	var out []Baseline
	for _, name := range []string{MajorityName, NBLRName} {
		b := Baseline{Name: name}
		for i, a := range answers[name] {
			b.Answers = append(b.Answers, Prediction{ID: test[i].ID, Got: a})
		}
		out = append(out, b)
	}
	return out, nil
}
