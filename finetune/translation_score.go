package finetune

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"fragua/finetune/examples"
	"fragua/finetune/metric"
	"fragua/pipeline"
)

// Score is BLEU, chrF and TER, each with sacrebleu's signature. With intervals there are also the
// figures by length of the source, and the worst and the best translations.
func (g *Translation) Score(set []examples.Example, got []Prediction, _ []string, intervals bool) (pipeline.Metrics, error) {
	s := ScoreTexts(got, set, intervals)
	m := pipeline.Metrics{Figures: s.Figures(intervals)}
	if intervals {
		m.Figures = append(m.Figures, s.byLength(set)...)
		m.Samples = s.extremes(set, got)
	}
	return m, nil
}

// TextScores is what each translation of a set adds to the figures.
type TextScores struct {
	refs [][]string
	bleu []metric.BLEUStats
	chrf []metric.ChrFStats
	ter  []metric.TERStats // nil: not asked for
}

// ScoreTexts compares answers with the targets of examples. TER takes most of the time.
func ScoreTexts(got []Prediction, set []examples.Example, ter bool) TextScores {
	s := TextScores{}
	for i, e := range set {
		s.refs = append(s.refs, []string{e.Target})
		s.bleu = append(s.bleu, metric.BLEU{}.Stats(got[i].Got, e.Target))
		s.chrf = append(s.chrf, metric.ChrF{}.Stats(got[i].Got, e.Target))
		if ter {
			s.ter = append(s.ter, metric.TER{}.Stats(got[i].Got, e.Target))
		}
	}
	return s
}

// A textMetric computes a figure of some rows.
type textMetric struct {
	name, better, signature string
	of                      func(rows []int) float64
}

// metrics are those that were counted.
func (s TextScores) metrics() []textMetric {
	all := []textMetric{
		{"BLEU", "higher", metric.BLEU{}.Signature(s.refs), over(s.bleu, (*metric.BLEUStats).Add, metric.BLEU{}.Score)},
		{"chrF2", "higher", metric.ChrF{}.Signature(s.refs), over(s.chrf, (*metric.ChrFStats).Add, metric.ChrF{}.Score)},
	}
	if s.ter != nil {
		all = append(all, textMetric{"TER", "lower", metric.TER{}.Signature(s.refs), over(s.ter, (*metric.TERStats).Add, metric.TER{}.Score)})
	}
	return all
}

// over adds up the stats of rows and scores the sum.
func over[S any](stats []S, add func(*S, S), score func(S) float64) func(rows []int) float64 {
	return func(rows []int) float64 {
		var sum S
		for _, r := range rows {
			add(&sum, stats[r])
		}
		return score(sum)
	}
}

// Figures are the metrics over all rows.
func (s TextScores) Figures(intervals bool) (figures []pipeline.Figure) {
	n := len(s.refs)
	for _, m := range s.metrics() {
		f := pipeline.Figure{Name: m.name, Value: m.of(indices(n)), N: int64(n), Better: m.better, Headline: true, Digits: 1, Note: m.signature}
		if intervals {
			f.PlusMinus = metric.Bootstrap(n, m.of)
		}
		figures = append(figures, f)
	}
	return figures
}

// Against returns, for each metric in the order of Figures, the probability of so large a
// difference from another system's translations of the same set if there were none.
func (s TextScores) Against(other TextScores) (p []float64) {
	mine, theirs := s.metrics(), other.metrics()
	for i := range mine {
		p = append(p, metric.PairedBootstrap(len(s.refs), mine[i].of, theirs[i].of))
	}
	return p
}

// lengths are the classes of sources by their words between spaces; the last has no end.
var lengthClasses = []int{5, 10, 20, 40}

func (s TextScores) byLength(set []examples.Example) (figures []pipeline.Figure) {
	rows := make([][]int, len(lengthClasses)+1)
	for i, e := range set {
		c, _ := slices.BinarySearch(lengthClasses, len(strings.Fields(e.Text)))
		rows[c] = append(rows[c], i)
	}
	from := 1
	for c, in := range rows {
		name := fmt.Sprintf("%d words and more", from)
		if c < len(lengthClasses) {
			name = fmt.Sprintf("%d to %d words", from, lengthClasses[c])
			from = lengthClasses[c] + 1
		}
		for _, m := range s.metrics() {
			if len(in) > 0 {
				figures = append(figures, pipeline.Figure{Name: m.name + ", sources of " + name, Value: m.of(in), N: int64(len(in)), Better: m.better, Digits: 1})
			}
		}
	}
	return figures
}

// mostExtremes is how many of the worst and of the best translations are shown.
const mostExtremes = 8

// extremes are the translations of the lowest and the highest chrF; among equals the longer
// source comes first, since short ones are easily right or wrong altogether.
func (s TextScores) extremes(set []examples.Example, got []Prediction) (samples []pipeline.Sample) {
	order := indices(len(set))
	score := make([]float64, len(set))
	for i := range set {
		score[i] = metric.ChrF{}.Score(s.chrf[i])
	}
	show := func(title string, sign int) {
		slices.SortStableFunc(order, func(a, b int) int {
			return cmp.Or(sign*cmp.Compare(score[a], score[b]), cmp.Compare(len(set[b].Text), len(set[a].Text)))
		})
		var text strings.Builder
		for _, i := range order[:min(mostExtremes, len(order)/2)] {
			fmt.Fprintf(&text, "%.1f  %s\n  → %s\n  = %s\n", score[i], set[i].Text, got[i].Got, set[i].Target)
		}
		if text.Len() > 0 {
			samples = append(samples, pipeline.Sample{Title: title, Text: text.String()})
		}
	}
	show("the worst translations by chrF2 (→ the model's, = the reference)", 1)
	show("the best translations by chrF2 (→ the model's, = the reference)", -1)
	return samples
}

func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
