package corpus

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"fragua/model/ngram"
	"fragua/pipeline/extract"
	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
)

// Perplexity keeps text that is like a reference, by an n-gram model of its bytes,
// in three parts as cc_net has them (Wenzek et al. 2020, arXiv 1911.00359): head,
// middle and tail. It learns when the stage starts. A tenth of the reference is
// kept back; what is no harder than 70 % of that is head, than 99 % middle.
type Perplexity struct {
	Train  settings.Path `yaml:"train" doc:"The reference: a text file, or a Parquet file with a column text."`
	Keep   []Bucket      `yaml:"keep" doc:"Which parts to keep; all if left out."`
	Head   float64       `yaml:"head" doc:"Highest perplexity of a byte in the head; 0 takes it from the reference."`
	Middle float64       `yaml:"middle" doc:"Highest perplexity of a byte in the middle; 0 takes it from the reference."`

	load         sync.Once
	model        *ngram.Model
	head, middle float64
	err          error
}

// A Bucket is a part of the documents by their perplexity.
type Bucket string

// Values lists the parts.
func (Bucket) Values() []string { return []string{"head", "middle", "tail"} }

// NewPerplexity returns a Perplexity that keeps head and middle.
func NewPerplexity() *Perplexity { return &Perplexity{Keep: []Bucket{"head", "middle"}} }

// Check finds what types cannot show.
func (s *Perplexity) Check() (faults []fault.Fault) {
	if s.Train.Written == "" {
		faults = missing("train", "perplexity has no reference", `perplexity: {train: "good.txt"}`)
	}
	if s.Head < 0 || s.Middle < 0 || s.Head > 0 && s.Middle > 0 && s.Middle < s.Head {
		faults = append(faults, fault.Fault{Path: "middle", Err: "middle must not be below head", Hint: "0 takes both from the reference"})
	}
	return faults
}

func (s *Perplexity) files() []settings.Path { return []settings.Path{s.Train} }

// Apply measures the document.
func (s *Perplexity) Apply(d *Document) (Drop, error) {
	s.load.Do(func() { s.err = s.learn() })
	if s.err != nil {
		return Drop{}, s.err
	}
	p := s.of(d.Text)
	d.scores.perplexity = &p
	part, limit := Bucket("tail"), s.middle
	switch {
	case p <= s.head:
		part, limit = "head", s.head
	case p <= s.middle:
		part = "middle"
	}
	if len(s.Keep) > 0 && !slices.Contains(s.Keep, part) {
		return Drop{Rule: "perplexity.keep", Value: p, Limit: limit, Note: string(part)}, nil
	}
	return Drop{}, nil
}

// perplexityOrder is how many bytes an n-gram has, and perplexityEnd the id behind
// all bytes.
const (
	perplexityOrder = 5
	perplexityEnd   = 256
)

// of returns the perplexity of a byte of a text, by its first 64 KB.
func (s *Perplexity) of(text string) float64 {
	ids := byteIDs(text[:min(len(text), 64<<10)])
	if len(ids) == 0 {
		return 1
	}
	return math.Exp(-s.model.Score(ids) / float64(len(ids)))
}

func byteIDs(text string) []int32 {
	ids := make([]int32, len(text))
	for i := range len(text) {
		ids[i] = int32(text[i])
	}
	return ids
}

// learn trains the model, and sets the bounds that are not given.
func (s *Perplexity) learn() error {
	pieces, err := s.reference()
	if err != nil {
		return err
	}
	if len(pieces) < 20 {
		return fault.Hintf(fmt.Errorf("%s: %d paragraphs or rows are too few to learn from", s.Train.Written, len(pieces)), "20 are the fewest, and a megabyte is better")
	}
	c, err := ngram.NewCounter(ngram.Options{Order: perplexityOrder, Vocab: perplexityEnd + 1, End: perplexityEnd})
	if err != nil {
		return err
	}
	var held []string
	for i, p := range pieces {
		if i%10 == 9 {
			held = append(held, p)
			continue
		}
		if err := c.Add(append(byteIDs(p), perplexityEnd)); err != nil {
			return err
		}
	}
	if s.model, err = c.Model(); err != nil {
		return err
	}
	var values []float64
	for _, p := range held {
		values = append(values, s.of(p))
	}
	slices.Sort(values)
	s.head, s.middle = s.Head, s.Middle
	if s.head == 0 {
		s.head = values[len(values)*70/100]
	}
	if s.middle == 0 {
		s.middle = max(s.head, values[len(values)*99/100])
	}
	return nil
}

// reference reads the texts to learn from: rows, or runs of paragraphs of about
// 2,000 bytes.
func (s *Perplexity) reference() (pieces []string, err error) {
	if strings.EqualFold(filepath.Ext(s.Train.Abs), ".parquet") {
		for row, err := range readColumns(s.Train, "text") {
			if err != nil {
				return nil, err
			}
			if text, _ := row["text"].(string); text != "" {
				pieces = append(pieces, text)
			}
		}
		return pieces, nil
	}
	b, err := os.ReadFile(s.Train.Abs)
	if err != nil {
		return nil, fault.Hintf(fmt.Errorf("%s: %w", s.Train.Written, err), "paths start at the recipe's folder")
	}
	text, _, err := extract.Decode(b, "")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Train.Written, err)
	}
	var run strings.Builder
	for p := range strings.SplitSeq(extract.Repair(text), "\n\n") {
		run.WriteString(p)
		if run.WriteString("\n\n"); run.Len() > 2000 {
			pieces = append(pieces, run.String())
			run.Reset()
		}
	}
	if run.Len() > 0 {
		pieces = append(pieces, run.String())
	}
	return pieces, nil
}
