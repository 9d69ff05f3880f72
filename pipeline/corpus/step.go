package corpus

import (
	"slices"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
)

// A Step sees one document: it changes it, keeps it, or drops it with a reason.
// It holds nothing that changes, so that documents can be seen in any order, by
// several tasks at once. An error means that the document could not be judged;
// it counts as failed.
type Step interface {
	Apply(*Document) (Drop, error)
}

// steps is THE table of steps: what may stand in `steps:`.
var steps = map[string]func() any{
	"repair":         func() any { return NewRepair() },
	"length":         func() any { return new(Length) },
	"language":       func() any { return new(Language) },
	"gopher_quality": func() any { return NewGopherQuality() },
	"repetition":     func() any { return NewRepetition() },
	"c4":             func() any { return NewC4() },
	"fineweb":        func() any { return NewFineWeb() },
	"lines":          func() any { return NewLineRules() },
	"bad_words":      func() any { return NewBadWords() },
	"urls":           func() any { return NewURLs() },
	"pii":            func() any { return NewPII() },
	"quality":        func() any { return NewQualityModel() },
	"perplexity":     func() any { return NewPerplexity() },
}

// A StepChoice is an entry of `steps:`, such as `length: {min_words: 50}`.
type StepChoice struct {
	name string
	step Step
}

// UseStep wraps a step for Ingest.Steps and Filter.Steps: name is its key in the
// table.
func UseStep(name string, s Step) StepChoice { return StepChoice{name, s} }

// Variants returns the table of steps.
func (c *StepChoice) Variants() map[string]func() any { return steps }

// Choose takes an entry of the table.
func (c *StepChoice) Choose(name string, settings any) { c.name, c.step = name, settings.(Step) }

// Chosen returns what was chosen.
func (c *StepChoice) Chosen() (string, any) { return c.name, c.step }

// A fileReader is a step that reads files before the first document; they stand in
// the stage's key.
type fileReader interface {
	files() []settings.Path
}

// stepFiles lists the files that steps read.
func stepFiles(list []StepChoice) (files []pipeline.RawFile) {
	for _, s := range list {
		if r, ok := s.step.(fileReader); ok {
			for _, p := range r.files() {
				files = append(files, pipeline.RawFile{Name: s.name + "/" + p.Written, Path: p.Abs})
			}
		}
	}
	return files
}

// RuleEmpty drops what has no text left after the steps.
const RuleEmpty = "empty"

// A Verdict is what one rule made of a document.
type Verdict struct {
	Stage string
	Step  string // a step of the stage, or the stage's own rule
	Drop  Drop   // zero: kept
	Err   error
	Words int64         // of the text after it
	Tests []Measurement // all of a step that has limits, passed and failed
	Split string        // that the stage put it in

	Neighbor   string  // id of the document that dedup found most similar
	Similarity float64 // to it
}

// applySteps applies steps in order and stops at the first that does not keep the
// document. told, if not nil, hears every verdict.
func applySteps(d *Document, list []StepChoice, told func(Verdict)) (Drop, error) {
	for _, s := range list {
		drop, err := s.step.Apply(d)
		if told != nil {
			v := Verdict{Step: s.name, Drop: drop, Err: err, Words: countWords(d)}
			if t, ok := s.step.(tester); ok && err == nil {
				v.Tests = slices.Collect(t.tests(d))
			}
			told(v)
		}
		if err != nil || drop.Rule != "" {
			return drop, err
		}
	}
	var drop Drop
	if d.Text == "" {
		drop = Drop{Rule: RuleEmpty}
	}
	d.Words = countWords(d)
	return drop, nil
}

// missing returns the fault of a setting that must be given.
func missing(path, what, example string) []fault.Fault {
	return []fault.Fault{{Path: path, Err: what, Hint: example}}
}
