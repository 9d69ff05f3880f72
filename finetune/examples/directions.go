package examples

import (
	"fmt"
	"math"

	"fragua/pipeline/fault"
)

// Directions makes one model translate both ways: each pair is written twice, with the sides
// changed the second time, and each source begins with the tag of the language that it is to be
// translated into (Johnson et al. 2017). Sentences that share a translation go into one split.
type Directions struct {
	Forward  string `yaml:"forward" doc:"Tag of pairs as they are, such as >>es<<. Empty: pairs are written one way, without tags."`
	Backward string `yaml:"backward" doc:"Tag of pairs with their sides changed, such as >>en<<."`
}

func (d Directions) both() bool { return d.Forward != "" }

func (d Directions) faults() []fault.Fault {
	if (d.Forward == "") != (d.Backward == "") || d.both() && d.Forward == d.Backward {
		return []fault.Fault{{Path: "directions", Err: "both directions need a tag of their own", Hint: "{forward: >>es<<, backward: >>en<<}"}}
	}
	return nil
}

// copies counts how often rows of a weight are written: over n rows n times the weight.
type copies map[float64]int

func (c copies) next(weight float64) int {
	if weight == 0 {
		return 1
	}
	n := float64(c[weight])
	c[weight]++
	return int(math.Floor((n+1)*weight) - math.Floor(n*weight))
}

// examples are what a row becomes in a split: for training as often as its weight says, and tagged.
func (l *Label) examples(row labelled, split uint8, score float32, seen copies) (all []Example) {
	e := Example{ID: row.ID, Text: row.Text, Target: row.Target, Labels: row.Labels, Split: places[split], Score: score, Messages: row.Messages}
	if row.Tag != "" {
		e.Text = row.Tag + " " + e.Text
	}
	pair := []Example{e}
	if d := l.Pairs.Directions; d.both() && row.Target != "" {
		back := e
		back.ID += "-back"
		pair[0].Text = d.Forward + " " + e.Text
		back.Text, back.Target = d.Backward+" "+row.Target, row.Text
		pair = append(pair, back)
	}
	n := 1
	if split == 0 {
		n = seen.next(row.Weight)
	}
	for k := range n {
		for _, e := range pair {
			if k > 0 {
				e.ID = fmt.Sprintf("%s-%d", e.ID, k+1)
			}
			all = append(all, e)
		}
	}
	return all
}

// shared joins sentences that are each other's translations, directly or by way of others.
type shared map[uint64]uint64

// root is the sentence that stands for all those joined with one.
func (s shared) root(x uint64) uint64 {
	for {
		up, ok := s[x]
		if !ok {
			return x
		}
		if next, ok := s[up]; ok {
			s[x] = next // half of the way is cut, so that it stays short
		}
		x = up
	}
}

func (s shared) join(a, b uint64) {
	if a, b = s.root(a), s.root(b); a != b {
		s[max(a, b)] = min(a, b)
	}
}
