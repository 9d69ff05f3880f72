package model

import (
	"context"
	"fmt"
	"math"
	"slices"

	"fragua/model/kernel"
	"fragua/pipeline/fault"
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
	Beams    int           `yaml:"beams" doc:"How many hypotheses live at a time. 1: greedy."`
	Penalty  LengthPenalty `yaml:"penalty" doc:"What a hypothesis' log-probability is divided by: length, n^alpha; or gnmt, ((5+n)/6)^alpha."`
	Alpha    float64       `yaml:"alpha" doc:"Exponent of the penalty; 0: none."`
	MinLen   int           `yaml:"min_len" doc:"Ids before the end may come."`
	NoRepeat int           `yaml:"no_repeat" doc:"This many ids never follow each other twice in one text, which ends loops: 4. 0: they may."`
	Coverage float64       `yaml:"coverage" doc:"Weight of what a finished text loses for source words that no attention went to (Wu et al. 2016, equation 14): 0.2 is usual, with an encoder only. 0: off."`

	End   int32                `yaml:"-" json:"-"` // the id that ends a text
	Limit func(prompt int) int `yaml:"-" json:"-"` // most ids before the end, for each prompt
	Only  []int32              `yaml:"-" json:"-"` // the ids that logits are of, in ascending order (see Shortlister); nil: all
	Look  bool                 `yaml:"-" json:"-"` // keep the attention to the source, see Hypothesis
}

// Check finds the faults of the settings.
func (s Search) Check() (f []fault.Fault) {
	add := func(path, err, hint string) { f = append(f, fault.Fault{Path: path, Err: err, Hint: hint}) }
	if s.Beams < 1 {
		add("beams", fmt.Sprintf("%d beams", s.Beams), "1 is greedy, 4 or 5 usual")
	}
	if s.NoRepeat < 0 || s.NoRepeat == 1 {
		add("no_repeat", fmt.Sprintf("%d", s.NoRepeat), "4, or 0 to let texts repeat themselves")
	}
	if !(s.Coverage >= 0) {
		add("coverage", fmt.Sprintf("%v is below 0", s.Coverage), "0.2 is usual, 0 is off")
	}
	return f
}

// A Hypothesis is a finished text.
type Hypothesis struct {
	IDs       []int32     // without the end
	LogProb   float64     // in nats, the end included
	Score     float64     // LogProb divided by the length penalty, and what Coverage takes off
	Attention [][]float32 // with Look: of each id and the end, the share of attention that each source id got in the last layer
}

// An attentive decoder knows where in its source the last id of each row looked.
type attentive interface {
	// look says that attention is to be kept; it is called before the first Feed.
	look()
	// looked is how the last Feed's last query of a row shared its attention among the source's
	// ids: the mean over the heads of the last layer.
	looked(row int) []float32
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
	var eyes attentive
	if s.Coverage > 0 || s.Look {
		var ok bool
		if eyes, ok = d.(attentive); !ok {
			return nil, fmt.Errorf("beam search: coverage is of a source, and the model has no encoder")
		}
		eyes.look()
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
			if eyes != nil {
				for i := range l.beams {
					seen := l.beams[i].seen
					l.beams[i].seen = append(seen[:len(seen):len(seen)], eyes.looked(first+i))
				}
			}
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
	seen    [][]float32 // attention of each id; nil if it is not kept
}

// advance goes one step and returns, for each new beam, which old one it continues.
func (s *Search) advance(l *search, step int, logits []float32, vocab int) (from []int) {
	type extension struct {
		beam int
		candidate
	}
	var best []extension
	end := s.place(s.End)
	for b := range l.beams {
		row, ids := logits[b*vocab:][:vocab], l.beams[b].ids
		norm := kernel.LogSumExp(row)
		extend := func(c candidate) {
			if s.Only != nil {
				c.id = s.Only[c.id]
			}
			best = append(best, extension{b, candidate{c.id, l.beams[b].logProb + c.p - norm}})
		}
		if step >= l.limit {
			extend(candidate{end, float64(row[end])})
			continue
		}
		if step < s.MinLen {
			row[end] = negInf
		}
		for _, id := range repeats(ids, s.NoRepeat) {
			row[s.place(id)] = negInf
		}
		for _, c := range topLogits(row, 2*s.Beams) {
			extend(c)
		}
	}
	slices.SortStableFunc(best, func(a, b extension) int { return likelier(candidate{0, a.p}, candidate{0, b.p}) })
	best = best[:min(len(best), 2*s.Beams)]
	var beams []beam
	for i, e := range best {
		old := l.beams[e.beam]
		switch {
		case e.id == s.End && i < s.Beams:
			score := e.p/s.Penalty.divisor(step+1, s.Alpha) + s.Coverage*covered(old.seen)
			l.finished = append(l.finished, Hypothesis{old.ids, e.p, score, old.seen})
		case e.id != s.End && len(beams) < s.Beams:
			beams = append(beams, beam{append(old.ids[:len(old.ids):len(old.ids)], e.id), e.p, old.seen})
			from = append(from, e.beam)
		}
	}
	l.beams = beams
	return from
}

var negInf = float32(math.Inf(-1))

// place is where among the logits that of an id is.
func (s *Search) place(id int32) int32 {
	if s.Only == nil {
		return id
	}
	at, ok := slices.BinarySearch(s.Only, id)
	if !ok {
		panic(fmt.Sprintf("model: beam search: id %d is not among those of the shortlist", id))
	}
	return int32(at)
}

// repeats lists the ids that would make of the last n−1 ids an n-gram which is in ids already.
func repeats(ids []int32, n int) (out []int32) {
	if n < 2 || len(ids) < n {
		return nil
	}
	tail := ids[len(ids)-n+1:]
	for i := 0; i+n <= len(ids); i++ {
		if slices.Equal(ids[i:i+n-1], tail) {
			out = append(out, ids[i+n-1])
		}
	}
	return out
}

// covered is Σ log min(1, attention) over the ids of a source: 0 where each was looked at once.
func covered(seen [][]float32) (sum float64) {
	if len(seen) == 0 {
		return 0
	}
	for i := range seen[0] {
		share := 0.0
		for _, s := range seen {
			share += float64(s[i])
		}
		sum += math.Log(max(min(share, 1), 1e-9))
	}
	return sum
}
