package model

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// A LengthPenalty is what a finished hypothesis' log-probability is divided by;
// n counts its ids, the end included.
type LengthPenalty string

// The two formulas in use.
const (
	ByLength LengthPenalty = "length" // n^α, of fairseq and Marian
	GNMT     LengthPenalty = "gnmt"   // ((5+n)/6)^α (Wu et al. 2016, equation 14)
)

// Values are the formulas there are.
func (LengthPenalty) Values() []string { return []string{string(ByLength), string(GNMT)} }

func (l LengthPenalty) divisor(n int, alpha float64) float64 {
	if l == GNMT {
		return math.Pow(float64(5+n)/6, alpha)
	}
	return math.Pow(float64(n), alpha)
}

// A Search is beam search as fairseq does it. Beams 1 is greedy.
type Search struct {
	Beams   int           `yaml:"beams" doc:"How many hypotheses live at a time. 1: greedy."`
	Penalty LengthPenalty `yaml:"penalty" doc:"What a hypothesis' log-probability is divided by."`
	Alpha   float64       `yaml:"alpha" doc:"Exponent of the penalty; 0: none."`
	MinLen  int           `yaml:"min_len" doc:"Ids before the end may come."`

	End   int32                `yaml:"-" json:"-"` // the id that ends a text
	Limit func(prompt int) int `yaml:"-" json:"-"` // most ids before the end, for each prompt
}

// A Hypothesis is a finished text.
type Hypothesis struct {
	IDs     []int32 // without the end
	LogProb float64 // in nats, the end included
	Score   float64 // LogProb divided by the length penalty
}

// Beam continues each prompt on a fresh decoder and returns its hypotheses,
// the best first. Each step it takes the likeliest 2·Beams continuations of a
// prompt's beams; ends among the first Beams of them are finished, the likeliest
// Beams others live on; a prompt is done when Beams hypotheses are finished, and
// at its limit only the end may follow.
func Beam(ctx context.Context, d Decoder, prompts [][]int32, s Search) ([][]Hypothesis, error) {
	if s.Beams < 1 {
		return nil, fmt.Errorf("beam search with %d beams", s.Beams)
	}
	if s.Limit == nil {
		return nil, fmt.Errorf("beam search without a limit of length")
	}
	done := make([][]Hypothesis, len(prompts))
	if len(prompts) == 0 {
		return done, nil
	}
	live := make([]search, len(prompts))
	for i, p := range prompts {
		if len(p) == 0 {
			return nil, fmt.Errorf("beam search: prompt %d is empty", i)
		}
		live[i] = search{prompt: i, limit: s.Limit(i), beams: []beam{{}}}
	}
	logits := d.Feed(prompts)
	vocab := len(logits) / len(prompts)
	for step := 0; ; step++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var rows []int
		var next [][]int32
		row := 0
		going := live[:0]
		for _, l := range live {
			first := row
			row += len(l.beams)
			from := s.advance(&l, step, logits[first*vocab:row*vocab], vocab)
			if len(l.finished) >= s.Beams || len(l.beams) == 0 {
				done[l.prompt] = l.finished
				continue
			}
			for i, b := range l.beams {
				rows = append(rows, first+from[i])
				next = append(next, b.ids[len(b.ids)-1:])
			}
			going = append(going, l)
		}
		if live = going; len(live) == 0 {
			break
		}
		d.Select(rows)
		logits = d.Feed(next)
	}
	for _, h := range done {
		slices.SortStableFunc(h, func(a, b Hypothesis) int {
			return likelier(candidate{p: a.Score}, candidate{p: b.Score})
		})
	}
	return done, nil
}

// A search is the state of one prompt.
type search struct {
	prompt   int
	limit    int
	beams    []beam
	finished []Hypothesis
}

type beam struct {
	ids     []int32
	logProb float64
}

// advance goes one step and returns, for each new beam, which old one it continues.
func (s *Search) advance(l *search, step int, logits []float32, vocab int) (from []int) {
	type extension struct {
		beam int
		candidate
	}
	var best []extension
	list := make([]candidate, 0, vocab)
	for b := range l.beams {
		list = list[:0]
		row := logits[b*vocab:][:vocab]
		norm := logSumExp(row)
		for id, z := range row {
			end := int32(id) == s.End
			if step >= l.limit && !end || step < s.MinLen && end && step < l.limit {
				continue
			}
			list = append(list, candidate{int32(id), l.beams[b].logProb + float64(z) - norm})
		}
		for _, c := range top(list, min(2*s.Beams, len(list))) {
			best = append(best, extension{b, c})
		}
	}
	slices.SortStableFunc(best, func(a, b extension) int { return likelier(candidate{0, a.p}, candidate{0, b.p}) })
	best = best[:min(len(best), 2*s.Beams)]
	var beams []beam
	for i, e := range best {
		ids := l.beams[e.beam].ids
		switch {
		case e.id == s.End && i < s.Beams:
			score := e.p / s.Penalty.divisor(step+1, s.Alpha)
			l.finished = append(l.finished, Hypothesis{ids, e.p, score})
		case e.id != s.End && len(beams) < s.Beams:
			beams = append(beams, beam{append(ids[:len(ids):len(ids)], e.id), e.p})
			from = append(from, e.beam)
		}
	}
	l.beams = beams
	return from
}

func logSumExp(x []float32) float64 {
	m := float64(slices.Max(x))
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(float64(v) - m)
	}
	return m + math.Log(sum)
}
