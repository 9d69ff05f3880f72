package corpus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"

	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
	"fragua/pipeline/shard"
	"fragua/pipeline/textstat"
)

// QualityModel keeps what a classifier takes for good. It learns when the stage
// starts, from a Parquet file of texts with labels: numbers, of which those from
// good_from on are good, or words, of which those in good are.
type QualityModel struct {
	Train    settings.Path `yaml:"train" doc:"A Parquet file with a column of texts and one of labels."`
	Text     string        `yaml:"text" doc:"The column of texts."`
	Label    string        `yaml:"label" doc:"The column of labels."`
	Good     []string      `yaml:"good" doc:"Labels of good texts, where labels are words."`
	GoodFrom float64       `yaml:"good_from" doc:"Least label of a good text, where labels are numbers."`
	Min      float64       `yaml:"min" doc:"Least probability that a document is good; 0 measures alone."`

	load  sync.Once
	model *textstat.Classifier
	err   error
}

// NewQualityModel returns a QualityModel that keeps what is rather good than not.
func NewQualityModel() *QualityModel {
	return &QualityModel{Text: "text", Label: "label", GoodFrom: 1, Min: .5}
}

// Check finds what types cannot show.
func (s *QualityModel) Check() (faults []fault.Fault) {
	if s.Train.Written == "" {
		faults = missing("train", "quality learns from nothing", "quality: {train: labelled.parquet}")
	}
	if s.Min < 0 || s.Min > 1 {
		faults = append(faults, fault.Fault{Path: "min", Err: "min is a probability and must lie between 0 and 1"})
	}
	return faults
}

func (s *QualityModel) files() []settings.Path { return []settings.Path{s.Train} }

// Apply scores the document.
func (s *QualityModel) Apply(d *Document) (Drop, error) {
	s.load.Do(func() { s.model, s.err = s.learn() })
	if s.err != nil {
		return Drop{}, s.err
	}
	score := s.model.Score(d.Text)
	d.scores.quality = &score
	if score < s.Min {
		return Drop{Rule: "quality.min", Value: score, Limit: s.Min}, nil
	}
	return Drop{}, nil
}

// learn trains the classifier.
func (s *QualityModel) learn() (*textstat.Classifier, error) {
	var texts []string
	var good []bool
	n := 0
	for row, err := range readColumns(s.Train, s.Text, s.Label) {
		if err != nil {
			return nil, err
		}
		text, ok := row[s.Text].(string)
		if !ok {
			return nil, fault.Hintf(fmt.Errorf("%s: row %d: column %s is no text", s.Train.Written, len(texts), s.Text), "text: names the column of texts")
		}
		yes, err := s.good(row[s.Label])
		if err != nil {
			return nil, fmt.Errorf("%s: row %d: %w", s.Train.Written, len(texts), err)
		}
		if yes {
			n++
		}
		texts, good = append(texts, text), append(good, yes)
	}
	if n == 0 || n == len(texts) {
		return nil, fault.Hintf(fmt.Errorf("%s: %d of %d texts are good, and there is nothing to tell apart", s.Train.Written, n, len(texts)), "good: lists the labels of good texts; good_from: is the least number")
	}
	return textstat.TrainClassifier(texts, good, 1), nil
}

// good reads a label.
func (s *QualityModel) good(label any) (bool, error) {
	written := fmt.Sprint(label)
	if label == nil {
		return false, errors.New("the label is missing")
	}
	if len(s.Good) > 0 {
		return slices.Contains(s.Good, written), nil
	}
	if yes, ok := label.(bool); ok {
		return yes, nil
	}
	v, err := strconv.ParseFloat(written, 64)
	if err != nil || math.IsNaN(v) {
		return false, fault.Hintf(fmt.Errorf("label %q is no number", written), "good: [%s] names the labels of good texts", written)
	}
	return v >= s.GoodFrom, nil
}

// readColumns yields columns of a Parquet file that a step reads.
func readColumns(path settings.Path, columns ...string) func(func(map[string]any, error) bool) {
	return func(yield func(map[string]any, error) bool) {
		f, err := shard.OpenRaw(context.Background(), path.Abs)
		if err != nil {
			yield(nil, fmt.Errorf("%s: %w", path.Written, err))
			return
		}
		defer f.Close()
		for _, c := range columns {
			if _, ok := f.Schema().Lookup(c); !ok {
				yield(nil, fault.Hintf(fmt.Errorf("%s has no column %s", path.Written, c), "its columns: %v", columnNames(f)))
				return
			}
		}
		f.Records(0, len(f.RowGroups()), columns)(yield)
	}
}

func columnNames(f *shard.ParquetFile) (names []string) {
	for _, c := range f.Schema().Fields() {
		names = append(names, c.Name())
	}
	return names
}
