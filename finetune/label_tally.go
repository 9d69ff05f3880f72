package finetune

import (
	"fmt"
	"sort"

	"fragua/pipeline"
)

// A tally counts the rows of each class in each split.
type tally struct {
	classes []string
	rows    [][len(splits)]int64
	labelOf map[uint64]int32
	torn    map[uint64]bool
}

func newTally(classes []string) *tally {
	return &tally{classes: classes, rows: make([][len(splits)]int64, len(classes)), labelOf: map[uint64]int32{}, torn: map[uint64]bool{}}
}

func (t *tally) count(f rowFate, m member) {
	if f.rule != "" {
		return
	}
	t.rows[m.class][m.split]++
	if c, ok := t.labelOf[f.source]; ok && c != m.class {
		t.torn[f.source] = true
	}
	t.labelOf[f.source] = m.class
}

// check refuses examples that nothing could be learned from.
func (t *tally) check() error {
	for c, n := range t.rows {
		if n[0] == 0 && n[1]+n[2] > 0 {
			what := "no row"
			if t.classes[c] != "" {
				what = fmt.Sprintf("no row of class %q", t.classes[c])
			}
			return pipeline.Hintf(fmt.Errorf("%s is left to train on (validation has %d, test %d)", what, n[1], n[2]),
				"give smaller shares to validation and test, drop the class, or bring more rows of it")
		}
	}
	return nil
}

func (t *tally) metrics() pipeline.Metrics {
	var m pipeline.Metrics
	order := make([]int, len(t.classes))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(i, j int) bool { return t.classes[order[i]] < t.classes[order[j]] })
	for s, split := range splits {
		var all int64
		for _, n := range t.rows {
			all += n[s]
		}
		m.Figures = append(m.Figures, pipeline.Figure{Name: "examples", Value: float64(all), Unit: "rows", Note: split})
		for _, c := range order {
			if t.classes[c] != "" {
				m.Figures = append(m.Figures, pipeline.Figure{Name: "examples of " + t.classes[c], Value: float64(t.rows[c][s]), Unit: "rows", Note: split})
			}
		}
	}
	if n := len(t.torn); n > 0 {
		m.Figures = append(m.Figures, pipeline.Figure{Name: "texts with several labels", Value: float64(n), Unit: "texts",
			Note: "the same text stands in rows of different classes"})
	}
	return m
}
