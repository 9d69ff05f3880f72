package finetune

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"fragua/finetune/examples"
	"fragua/finetune/linear"
	"fragua/finetune/metric"
	"fragua/model"
	"fragua/model/nn"
	"fragua/model/train"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/tokenize"
)

// Sentiment is the goal of naming a text's class: a linear head over the
// network's last states, trained together with it (Radford et al. 2018,
// section 3.2). A decoder reads the text alone: at <|endoftext|> it was never trained to
// predict anything, since what comes next is another text. An encoder reads it with what
// its tokenizer puts around it: [CLS] text [SEP].
type Sentiment struct {
	Pool         Pool         `yaml:"pool" doc:"What the head reads: the last state, the first, the mean of all, or last, greatest and mean side by side (concat); auto: the last of a decoder, the mean of an encoder."`
	TooLong      TooLong      `yaml:"too_long" doc:"What becomes of texts longer than the context: error, drop, keep_start, keep_end, keep_ends, windows (all of it is read, in parts that overlap, whose answers are averaged) or whole (all of it is read, and the head pools the states of all parts: at most 16 contexts, of what is longer the ends; pool: concat suits it). Required."`
	ClassWeights ClassWeights `yaml:"class_weights" doc:"What a class weighs in the loss. balanced: rare classes weigh more."`
	Dropout      float64      `yaml:"dropout" doc:"Of what the head reads."`
	Smoothing    float64      `yaml:"label_smoothing" doc:"Share of the label given to all classes alike."`

	end bool // <|endoftext|> is read behind each text: so models of the first format were trained
}

// NewSentiment returns the goal with its defaults; TooLong has none.
func NewSentiment() *Sentiment {
	return &Sentiment{Pool: PoolAuto, ClassWeights: WeightsNone, Dropout: 0.1}
}

// Pool is what the head reads.
type Pool string

// The pools.
const (
	PoolAuto   Pool = "auto"   // last for decoders, mean for encoders
	PoolFirst  Pool = "first"  // the state at [CLS]
	PoolMean   Pool = "mean"   // over the text, as sentence-transformers pool
	PoolLast   Pool = "last"   // the state at the last token, as transformers' …ForSequenceClassification reads it
	PoolConcat Pool = "concat" // last, greatest and mean over the text (Howard and Ruder 2018, section 3.3)
)

// Values lists the pools.
func (Pool) Values() []string {
	return []string{string(PoolAuto), string(PoolLast), string(PoolFirst), string(PoolMean), string(PoolConcat)}
}

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
	faults := g.TooLong.fault(true)
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

// Segments is the text, which may be cut; of an empty one its end, so that there is something to read.
func (g *Sentiment) Segments(e examples.Example) []Segment {
	s := []Segment{{Text: e.Text, Cut: true, Framed: true}}
	if e.Text == "" || g.end {
		s = append(s, Segment{Token: tokenize.EndOfText})
	}
	return s
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

// Fill lays texts out from the left, each with the one-hot label of its class. A text of several
// parts takes several rows.
func (g *Sentiment) Fill(b *model.Batch, rows []sequence, classes int) {
	t, n := 0, 0
	for _, s := range rows {
		t = max(t, s.width())
		n += s.parts()
	}
	reshape(b, n, t, false)
	if n > len(rows) {
		for _, s := range rows {
			b.Parts = append(b.Parts, s.parts())
		}
	}
	b.Labels, b.Norm = make([]float32, len(rows)*classes), float32(len(rows))
	at := 0 // where a row begins; rows of several parts are as wide as the batch
	for r, s := range rows {
		copy(b.IDs[at:], s.ids)
		clear(b.Docs[at : at+len(s.ids)])
		at += s.parts() * t
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
func (g *Sentiment) Build(m model.Model, classes []string, set []examples.Example, seed uint64) (train.Model, error) {
	if len(classes) < 2 || slices.Contains(classes, "") {
		return nil, fmt.Errorf("a classifier with the labels %q", classes)
	}
	c := newClassifier(m, g, len(classes), g.Pool, float32(g.Dropout), nn.NewInit(seed))
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
	logProbs, err := m.answers().logProbs(ctx, m, set)
	if err != nil {
		return nil, err
	}
	out := make([]Prediction, len(set))
	for i, e := range set {
		out[i] = Prediction{ID: e.ID, Input: e.Text}
		if len(e.Labels) == 1 {
			out[i].Want = e.Labels[0]
		}
		if logProbs[i] == nil {
			out[i].TooLong = true
			continue
		}
		out[i].Probs, out[i].Got = probabilities(logProbs[i]), m.Classes[linear.Likeliest(logProbs[i])]
	}
	return out, nil
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
	if e, ok := calibration(set, got); ok {
		fs = append(fs, pipeline.Figure{Name: "calibration error", Value: e, N: s.N, Unit: "share", Better: "lower", Note: "ECE of 15 bins"})
	}
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

// calibration is the expected calibration error; false for answers without probabilities.
func calibration(set []examples.Example, got []Prediction) (float64, bool) {
	const bins = 15
	var probs []float64
	var right []bool
	for i, e := range set {
		if len(got[i].Probs) == 0 {
			return 0, false
		}
		probs, right = append(probs, float64(slices.Max(got[i].Probs))), append(right, got[i].Got == e.Labels[0])
	}
	return metric.ECE(probs, right, bins), true
}

// Baselines are the majority class and two linear models of words and pairs of words,
// where there are examples to learn them from.
func (g *Sentiment) Baselines(train, test []examples.Example, classes []string) ([]Baseline, error) {
	if len(train) == 0 {
		return nil, nil
	}
	answers, err := ClassBaselines(classes, train, test)
	if err != nil {
		return nil, err
	}
	var out []Baseline
	for _, name := range []string{MajorityName, NBLRName, TFIDFName} {
		b := Baseline{Name: name}
		for i, a := range answers[name] {
			b.Answers = append(b.Answers, Prediction{ID: test[i].ID, Got: a})
		}
		out = append(out, b)
	}
	return out, nil
}
