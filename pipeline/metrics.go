package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"

	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// MetricsName is the file in which a stage leaves what it measured. The report
// of a run is made of these files and of the manifests, of nothing else.
const MetricsName = "metrics.json"

// Metrics is what a stage measured. Like a shard it is part of the stage's
// bytes: no time, host, path or number of workers stands in it.
type Metrics struct {
	Figures      []Figure      `json:"figures,omitempty"`
	Curves       []Curve       `json:"curves,omitempty"`
	Confusion    *Confusion    `json:"confusion,omitempty"`
	Samples      []Sample      `json:"samples,omitempty"`
	Translations []Translation `json:"translations,omitempty"`
	Map          []Place       `json:"map,omitempty"`
	Looks        []Look        `json:"looks,omitempty"`
}

// A Figure is one number with what is needed to read it. A baseline is a Figure
// of its own beside it, with the same name and a Note that says what it is.
type Figure struct {
	Name      string  `json:"name"`
	Value     float64 `json:"value"`
	PlusMinus float64 `json:"plus_minus,omitempty"` // half of the 95 % interval; 0: not known
	N         int64   `json:"n,omitempty"`          // how many rows it was measured on
	Unit      string  `json:"unit,omitempty"`
	Better    string  `json:"better,omitempty"`   // "higher", "lower", or "" where neither is
	Note      string  `json:"note,omitempty"`     // the split, the baseline's name, a signature
	Headline  bool    `json:"headline,omitempty"` // what the stage is judged by: summaries show it
	Digits    int     `json:"digits,omitempty"`   // after the point, where summaries show it; 0: they choose
}

// TrainingExamples is the name of a figure: how many labelled examples a model learned from. Its note
// says what it began with. A report draws the figures of models against it.
const TrainingExamples = "training examples"

// BitsByContext is what the curves are of that say how well a model predicts by how many ids of the text it sees. A report
// draws those of several models together.
const BitsByContext = "bits per byte by context"

// UniformName is the note of the baseline that every id is equally likely: what a model knows before it has seen a text.
const UniformName = "every id alike"

// A Curve is a measure that changed as the stage went on.
type Curve struct {
	Name   string       `json:"name"`           // "train", "validation", "n-gram"
	X      string       `json:"x"`              // "step"
	Y      string       `json:"y,omitempty"`    // "bits per byte": curves of one Y are drawn together
	Log    bool         `json:"log,omitempty"`  // X is drawn on a logarithmic scale, on which all of its values are above 0
	Dots   bool         `json:"dots,omitempty"` // each point is drawn, not only the line
	Points [][2]float64 `json:"points"`
}

// Confusion counts answers. Rows are the truth, columns what was predicted.
type Confusion struct {
	Labels []string  `json:"labels"`
	Rows   [][]int64 `json:"rows"`
}

// A Sample is a text worth looking at: what a model wrote, a document dropped.
type Sample struct {
	Title string `json:"title"`
	Text  string `json:"text"`
}

// A Translation is one sentence beside its reference and the baseline's answer.
type Translation struct {
	Source    string `json:"source"`
	Reference string `json:"reference"`
	Output    string `json:"output"`
	Baseline  string `json:"baseline,omitempty"`
}

// A Place is where a word lies on a map: what is alike lies together.
type Place struct {
	Label string  `json:"label"`
	X     float64 `json:"x"`
	Y     float64 `json:"y"`
}

// A Look is where a head of a network looks in a text: row i is the shares of its attention that token i gives to each token.
type Look struct {
	Title  string      `json:"title"` // layer and head
	Tokens []string    `json:"tokens"`
	Rows   [][]float64 `json:"rows"`
}

// Check returns an error if the metrics could not be written or drawn: a number
// that is not finite, or a confusion matrix that is not square.
func (m Metrics) Check() error {
	finite := func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
	for _, f := range m.Figures {
		if !finite(f.Value) || !finite(f.PlusMinus) {
			return fmt.Errorf("figure %q is %v ± %v, not a finite number", f.Name, f.Value, f.PlusMinus)
		}
		if f.Better != "" && f.Better != "higher" && f.Better != "lower" {
			return fmt.Errorf("figure %q: better is %q, not higher or lower", f.Name, f.Better)
		}
	}
	for _, c := range m.Curves {
		for i, p := range c.Points {
			if !finite(p[0]) || !finite(p[1]) {
				return fmt.Errorf("curve %q: point %d is (%v, %v), not finite", c.Name, i, p[0], p[1])
			}
			if c.Log && p[0] <= 0 {
				return fmt.Errorf("curve %q: point %d is at %v, which has no logarithm", c.Name, i, p[0])
			}
		}
	}
	for _, p := range m.Map {
		if !finite(p.X) || !finite(p.Y) {
			return fmt.Errorf("place %q is at (%v, %v), not finite", p.Label, p.X, p.Y)
		}
	}
	for _, l := range m.Looks {
		for i, r := range l.Rows {
			if len(l.Rows) != len(l.Tokens) || len(r) != len(l.Tokens) {
				return fmt.Errorf("look %q: %d rows, row %d of %d, for %d tokens", l.Title, len(l.Rows), i, len(r), len(l.Tokens))
			}
			for _, p := range r {
				if !(p >= 0 && p <= 1.001) {
					return fmt.Errorf("look %q: row %d holds %v, not a share", l.Title, i, p)
				}
			}
		}
	}
	if c := m.Confusion; c != nil {
		if len(c.Rows) != len(c.Labels) {
			return fmt.Errorf("confusion matrix has %d rows for %d labels", len(c.Rows), len(c.Labels))
		}
		for i, r := range c.Rows {
			if len(r) != len(c.Labels) {
				return fmt.Errorf("confusion matrix: row %d has %d columns for %d labels", i, len(r), len(c.Labels))
			}
		}
	}
	return nil
}

// WriteMetrics writes dir/metrics.json, whole or not at all. The same metrics
// give the same bytes.
func WriteMetrics(dir string, m Metrics) error {
	name := store.Join(dir, MetricsName)
	if err := m.Check(); err != nil {
		return &fault.RowError{File: name, Row: -1, Err: err}
	}
	return writeJSONFile(name, m)
}

// ReadMetrics reads dir/metrics.json. A stage that measured nothing has none:
// then it returns empty Metrics and no error.
func ReadMetrics(dir string) (Metrics, error) {
	var m Metrics
	name := store.Join(dir, MetricsName)
	b, err := store.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return Metrics{}, &fault.RowError{File: name, Row: -1, Err: err}
	}
	if err := m.Check(); err != nil {
		return Metrics{}, &fault.RowError{File: name, Row: -1, Err: err}
	}
	return m, nil
}
