package finetune

import (
	"context"
	"fmt"
	"math"
	"strconv"

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

// Regression is the goal of estimating a number for a text, such as the stars of a review: a head
// with one output, trained to the least squared error. The network learns numbers of mean 0 and
// deviation 1; Mean and Deviation turn them into those of the labels.
type Regression struct {
	Pool      Pool    `yaml:"pool" doc:"What the head reads: the last state, the first, the mean of all, or last, greatest and mean side by side (concat); auto: the last of a decoder, the mean of an encoder."`
	TooLong   TooLong `yaml:"too_long" doc:"What becomes of texts longer than the context: error, drop, keep_start, keep_end, keep_ends, windows or whole. Required."`
	Dropout   float64 `yaml:"dropout" doc:"Of what the head reads."`
	Mean      float64 `yaml:"mean" doc:"The number that an output of 0 stands for; with deviation 0: the mean of the training examples."`
	Deviation float64 `yaml:"deviation" doc:"How much an output of 1 is above it; 0: the standard deviation of the training examples."`
}

// NewRegression returns the goal with its defaults.
func NewRegression() *Regression { return &Regression{Pool: PoolAuto, Dropout: 0.1} }

// valueName names the one output in a model's config.json.
const valueName = "value"

func (g *Regression) reader() *Sentiment {
	return &Sentiment{Pool: g.Pool, TooLong: g.TooLong, Dropout: g.Dropout}
}

// Check finds faults that types cannot show.
func (g *Regression) Check() []fault.Fault {
	faults := g.reader().Check()
	if g.Deviation < 0 {
		faults = append(faults, fault.Fault{Path: "deviation", Err: fmt.Sprintf("a deviation of %v", g.Deviation), Hint: "leave it out"})
	}
	return faults
}

// Long is what to do with long texts.
func (g *Regression) Long() TooLong { return g.TooLong }

// Metrics are what training may be stopped by; the loss is the squared error.
func (g *Regression) Metrics() []string {
	return []string{"loss", "Pearson correlation", "Spearman correlation"}
}

// Segments is the text, as Sentiment reads it.
func (g *Regression) Segments(e examples.Example) []Segment { return g.reader().Segments(e) }

// Prompt is the same: the answer is read off, not written.
func (g *Regression) Prompt(e examples.Example) []Segment { return g.Segments(e) }

// Classes is one: the value.
func (g *Regression) Classes(set []examples.Example) ([]string, error) {
	least, greatest := math.Inf(1), math.Inf(-1)
	for _, e := range set {
		v, err := valueOf(e)
		if err != nil {
			return nil, err
		}
		least, greatest = min(least, v), max(greatest, v)
	}
	if least == greatest {
		return nil, fmt.Errorf("all training examples have the value %v: there is nothing to learn", least)
	}
	return []string{valueName}, nil
}

// valueOf is the number of an example.
func valueOf(e examples.Example) (float64, error) {
	if len(e.Labels) != 1 {
		return 0, fault.Hintf(fmt.Errorf("example %s has %d labels, and regression wants one number", e.ID, len(e.Labels)), "label with numbers: true")
	}
	v, err := examples.Number(e.Labels[0])
	if err != nil {
		return 0, fault.Hintf(fmt.Errorf("example %s: %w", e.ID, err), "label with numbers: true; for classes take goal: {sentiment: …}")
	}
	return v, nil
}

// values are the numbers of examples, which Classes or checkLabels has seen.
func values(set []examples.Example) []float64 {
	out := make([]float64, len(set))
	for i, e := range set {
		out[i], _ = valueOf(e)
	}
	return out
}

// Fill lays texts out from the left, each row with its standardized value.
func (g *Regression) Fill(b *model.Batch, rows []sequence, classes int) {
	g.reader().Fill(b, rows, classes)
	for r, s := range rows {
		b.Labels[r] = float32((s.value - g.Mean) / g.Deviation)
	}
}

// Build puts a head on the model, and with training examples learns what its output is counted in.
func (g *Regression) Build(m model.Model, classes []string, set []examples.Example, seed uint64) (train.Model, error) {
	if g.Deviation == 0 {
		if len(set) == 0 {
			return nil, fmt.Errorf("the model does not say what its output is counted in: deviation is missing")
		}
		g.Mean, g.Deviation = metric.Moments(values(set))
	}
	c := newClassifier(m, g, len(classes), g.Pool, float32(g.Dropout), nn.NewInit(seed))
	c.loss = tensor.Squared
	return c, nil
}

// Answer estimates the number of each example.
func (g *Regression) Answer(ctx context.Context, m *Tuned, set []examples.Example) ([]Prediction, error) {
	outputs, err := m.outputs(ctx, set)
	if err != nil {
		return nil, err
	}
	said := make([]Prediction, len(set))
	for i, e := range set {
		if outputs[i] == nil {
			said[i] = Prediction{ID: e.ID, Input: e.Text, Want: joined(e.Labels), TooLong: true}
			continue
		}
		said[i] = estimate(e, g.Mean+float64(g.Deviation*float64(outputs[i][0])))
	}
	return said, nil
}

// estimate is an answer that is a number. Five digits are more than any such estimate has.
func estimate(e examples.Example, value float64) Prediction {
	return Prediction{ID: e.ID, Input: e.Text, Want: joined(e.Labels), Got: strconv.FormatFloat(value, 'g', 5, 64)}
}

// Score is the root of the mean squared error, the mean absolute one, and how the estimates go with
// the truth.
func (g *Regression) Score(set []examples.Example, got []Prediction, _ []string, intervals bool) (pipeline.Metrics, error) {
	want, said := values(set), make([]float64, len(set))
	for i, p := range got {
		var err error
		if said[i], err = strconv.ParseFloat(p.Got, 64); err != nil {
			return pipeline.Metrics{}, fmt.Errorf("example %s: the answer %q is no number", p.ID, p.Got)
		}
	}
	var figures []pipeline.Figure
	for _, f := range []struct {
		name, better string
		of           func(want, got []float64) float64
	}{
		{"RMSE", "lower", metric.RMSE}, {"MAE", "lower", metric.MAE},
		{"Pearson correlation", "higher", metric.Pearson}, {"Spearman correlation", "higher", metric.Spearman},
	} {
		figure := pipeline.Figure{Name: f.name, Value: f.of(want, said), N: int64(len(set)), Better: f.better, Headline: true}
		if intervals {
			a, b := make([]float64, len(set)), make([]float64, len(set))
			figure.PlusMinus = metric.Bootstrap(len(set), func(rows []int) float64 {
				for i, r := range rows {
					a[i], b[i] = want[r], said[r]
				}
				return f.of(a, b)
			})
		}
		figures = append(figures, figure)
	}
	return pipeline.Metrics{Figures: figures}, nil
}

// The baselines of Regression.
const (
	MeanName        = "mean of the training values"
	RidgeName       = "TF-IDF and ridge regression"
	FrozenRidgeName = "frozen features and ridge regression"
)

// Baselines are the mean of the training values, and ridge regression on words and pairs of words.
func (g *Regression) Baselines(train, test []examples.Example, _ []string) ([]Baseline, error) {
	if len(train) == 0 {
		return nil, nil
	}
	texts := make([]string, len(train))
	for i, e := range train {
		texts[i] = e.Text
	}
	average, _ := metric.Moments(values(train))
	ridge := linear.Ridge.FitValues(texts, values(train))
	mean, words := Baseline{Name: MeanName}, Baseline{Name: RidgeName}
	for _, e := range test {
		mean.Answers = append(mean.Answers, estimate(e, average))
		words.Answers = append(words.Answers, estimate(e, ridge.Value(e.Text)))
	}
	return []Baseline{mean, words}, nil
}

// frozenRidge estimates a set by ridge regression on the features of the network before it changes;
// the strength is the one with the least error on validation. What is too long has no answer.
func frozenRidge(ctx context.Context, m *Tuned, sets map[string][]examples.Example, set []examples.Example) ([]Prediction, error) {
	known := map[string][][]float32{}
	for _, split := range []string{examples.Train, examples.Validation} {
		var err error
		if known[split], err = features(ctx, m, sets[split]); err != nil {
			return nil, err
		}
	}
	var x [][]float32
	var y []float64
	all := values(sets[examples.Train])
	for i, v := range known[examples.Train] {
		if v != nil {
			x, y = append(x, v), append(y, all[i])
		}
	}
	if len(x) == 0 {
		return nil, nil
	}
	var best *linear.Dense
	least := math.Inf(1)
	for _, cost := range frozenCosts {
		d := linear.FitDenseValues(x, y, cost)
		loss := 0.0
		for i, want := range values(sets[examples.Validation]) {
			if v := known[examples.Validation][i]; v != nil {
				loss += (d.Value(v) - want) * (d.Value(v) - want)
			}
		}
		if loss < least {
			best, least = d, loss
		}
	}
	vectors, err := features(ctx, m, set)
	if err != nil {
		return nil, err
	}
	out := make([]Prediction, len(set))
	for i, e := range set {
		if vectors[i] != nil {
			out[i] = estimate(e, best.Value(vectors[i]))
		}
	}
	return out, nil
}
