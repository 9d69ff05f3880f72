package finetune

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"fragua/finetune/examples"
	"fragua/finetune/linear"
	"fragua/finetune/metric"
	"fragua/model"
	"fragua/model/nn"
	"fragua/model/tensor"
	"fragua/model/train"
	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// Labels is the goal of naming every label that a text has: none, one or several. Each label is a
// yes or no of its own (sigmoid), and is named where its probability reaches a threshold.
type Labels struct {
	Pool       Pool               `yaml:"pool" doc:"What the head reads: the last state, the first, the mean of all, or last, greatest and mean side by side (concat); auto: the last of a decoder, the mean of an encoder."`
	TooLong    TooLong            `yaml:"too_long" doc:"What becomes of texts longer than the context: error, drop, keep_start, keep_end, keep_ends, windows or whole. Required."`
	Dropout    float64            `yaml:"dropout" doc:"Of what the head reads."`
	Thresholds map[string]float64 `yaml:"thresholds" doc:"Label to the probability from which it is named. Left out: the one with the best F1 on validation, 0.5 without validation."`

	end bool // as Sentiment's
}

// NewLabels returns the goal with its defaults; TooLong has none.
func NewLabels() *Labels { return &Labels{Pool: PoolAuto, Dropout: 0.1} }

// reader is the goal that reads texts in the same way.
func (g *Labels) reader() *Sentiment {
	return &Sentiment{Pool: g.Pool, TooLong: g.TooLong, Dropout: g.Dropout, end: g.end}
}

// Check finds faults that types cannot show.
func (g *Labels) Check() []fault.Fault {
	faults := g.reader().Check()
	for label, t := range g.Thresholds {
		if t <= 0 || t >= 1 {
			faults = append(faults, fault.Fault{Path: "thresholds." + label, Err: fmt.Sprintf("%v is not between 0 and 1", t)})
		}
	}
	return faults
}

// Long is what to do with long texts.
func (g *Labels) Long() TooLong { return g.TooLong }

// Metrics are what training may be stopped by.
func (g *Labels) Metrics() []string { return []string{"micro F1", "macro F1", "loss"} }

// Segments is the text, as Sentiment reads it.
func (g *Labels) Segments(e examples.Example) []Segment { return g.reader().Segments(e) }

// Prompt is the same: the answer is read off, not written.
func (g *Labels) Prompt(e examples.Example) []Segment { return g.Segments(e) }

// Classes are all labels, sorted.
func (g *Labels) Classes(set []examples.Example) ([]string, error) {
	seen := map[string]bool{}
	for _, e := range set {
		for _, l := range e.Labels {
			seen[l] = true
		}
	}
	if len(seen) == 0 {
		return nil, fault.Hintf(fmt.Errorf("no training example has a label"), "label with label: COLUMN and separator, or lists of labels in JSON lines")
	}
	for l := range g.Thresholds {
		if !seen[l] {
			return nil, fmt.Errorf("thresholds: no training example has the label %q", l)
		}
	}
	return slices.Sorted(maps.Keys(seen)), nil
}

// Fill lays texts out from the left, each row with a 1 for each of its labels.
func (g *Labels) Fill(b *model.Batch, rows []sequence, classes int) {
	g.reader().Fill(b, rows, classes)
	for r, s := range rows {
		for _, l := range s.labels {
			b.Labels[r*classes+l] = 1
		}
	}
}

// Build puts a head on the model.
func (g *Labels) Build(m model.Model, classes []string, _ []examples.Example, seed uint64) (train.Model, error) {
	if len(classes) == 0 || slices.Contains(classes, "") {
		return nil, fmt.Errorf("labels of the names %q", classes)
	}
	c := newClassifier(m, g, len(classes), g.Pool, float32(g.Dropout), nn.NewInit(seed))
	c.loss = tensor.Sigmoid
	return c, nil
}

// Answer gives every label its probability, and names those that reach their thresholds.
func (g *Labels) Answer(ctx context.Context, m *Tuned, set []examples.Example) ([]Prediction, error) {
	logits, err := m.outputs(ctx, set)
	if err != nil {
		return nil, err
	}
	out := make([]Prediction, len(set))
	for i, e := range set {
		out[i] = Prediction{ID: e.ID, Input: e.Text, Want: joined(e.Labels), TooLong: logits[i] == nil}
		for k, z := range logits[i] {
			out[i].Probs = append(out[i].Probs, float32(1/(1+math.Exp(-float64(z)))))
			if float64(out[i].Probs[k]) >= g.threshold(m.Classes[k]) {
				out[i].Labels = append(out[i].Labels, m.Classes[k])
			}
		}
		out[i].Got = joined(out[i].Labels)
	}
	return out, nil
}

// joined writes labels as one text.
func joined(labels []string) string { return strings.Join(labels, "; ") }

func (g *Labels) threshold(label string) float64 {
	if t, ok := g.Thresholds[label]; ok {
		return t
	}
	return 0.5
}

// choose sets the thresholds that were left out to those with the best F1 on answered examples.
func (g *Labels) choose(set []examples.Example, got []Prediction, classes []string) {
	chosen := maps.Clone(g.Thresholds)
	if chosen == nil {
		chosen = map[string]float64{}
	}
	for k, label := range classes {
		if _, given := chosen[label]; given {
			continue
		}
		var probs []float64
		var has []bool
		for i, e := range set {
			probs, has = append(probs, float64(got[i].Probs[k])), append(has, slices.Contains(e.Labels, label))
		}
		chosen[label] = metric.BestThreshold(probs, has)
	}
	g.Thresholds = chosen
}

// Score is micro and macro F1, how often all labels are right, and the figures of each label.
func (g *Labels) Score(set []examples.Example, got []Prediction, classes []string, intervals bool) (pipeline.Metrics, error) {
	want, said := make([][]bool, len(set)), make([][]bool, len(set))
	for i, e := range set {
		want[i], said[i] = make([]bool, len(classes)), make([]bool, len(classes))
		for k, c := range classes {
			want[i][k], said[i][k] = slices.Contains(e.Labels, c), slices.Contains(got[i].Labels, c)
		}
	}
	s := metric.ScoreLabels(want, said)
	n := int64(len(set))
	share := func(name string, of func(metric.LabelScore) float64, headline bool) pipeline.Figure {
		f := pipeline.Figure{Name: name, Value: of(s), N: n, Unit: "share", Better: "higher", Headline: headline}
		if intervals && headline {
			f.PlusMinus = metric.Bootstrap(len(set), func(rows []int) float64 { return of(metric.ScoreLabelRows(want, said, rows)) })
		}
		return f
	}
	figures := []pipeline.Figure{
		share("micro F1", func(s metric.LabelScore) float64 { return s.Micro.F1 }, true),
		share("macro F1", func(s metric.LabelScore) float64 { return s.MacroF1 }, true),
		share("all labels right", func(s metric.LabelScore) float64 { return s.Exact }, false),
	}
	if intervals {
		for k, c := range classes {
			p := s.PerLabel[k]
			for _, f := range []struct {
				name  string
				value float64
			}{{"precision of ", p.Precision}, {"recall of ", p.Recall}, {"F1 of ", p.F1}} {
				figures = append(figures, pipeline.Figure{Name: f.name + c, Value: f.value, N: p.N, Unit: "share", Better: "higher"})
			}
		}
	}
	return pipeline.Metrics{Figures: figures}, nil
}

// The baselines of Labels.
const (
	EveryLabelName = "labels that most texts have"
	NBLRLabelsName = "naive-Bayes bigram regression for each label"
)

// Baselines are the labels that more than half of the training texts have, or the most frequent one,
// and a linear model of words and pairs of words for each label.
func (g *Labels) Baselines(train, test []examples.Example, classes []string) ([]Baseline, error) {
	if len(train) == 0 {
		return nil, nil
	}
	usual, linears := Baseline{Name: EveryLabelName}, Baseline{Name: NBLRLabelsName}
	texts := make([]string, len(train))
	for i, e := range train {
		texts[i] = e.Text
	}
	var frequent []string
	most, best := 0, ""
	models := make([]*linear.Model, len(classes))
	for k, c := range classes {
		labels, n := make([]int, len(train)), 0
		for i, e := range train {
			if slices.Contains(e.Labels, c) {
				labels[i] = 1
				n++
			}
		}
		if n > most {
			most, best = n, c
		}
		if 2*n > len(train) {
			frequent = append(frequent, c)
		}
		if n == len(train) {
			continue // all have it: so says the baseline
		}
		var err error
		if models[k], err = linear.NBLR.Fit(texts, labels, 2, false); err != nil {
			return nil, err
		}
	}
	if frequent == nil {
		frequent = []string{best}
	}
	for _, e := range test {
		usual.Answers = append(usual.Answers, Prediction{ID: e.ID, Got: joined(frequent), Labels: frequent})
		var said []string
		for k, m := range models {
			if m == nil || linear.Likeliest(m.LogProbs(e.Text)) == 1 {
				said = append(said, classes[k])
			}
		}
		linears.Answers = append(linears.Answers, Prediction{ID: e.ID, Got: joined(said), Labels: said})
	}
	return []Baseline{usual, linears}, nil
}
