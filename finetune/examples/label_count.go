package examples

import (
	"fmt"
	"maps"
	"slices"

	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// A labelCount counts the rows of each label in each split.
type labelCount struct {
	sets      [][]string // by class
	rows      [len(places)]int64
	labels    map[string]*[len(Splits)]int64
	labelOf   map[uint64]int32 // class of a text
	ambiguous map[uint64]bool  // texts that stand in rows of different classes
}

func newLabelCount(sets [][]string) *labelCount {
	return &labelCount{sets: sets, labels: map[string]*[len(Splits)]int64{}, labelOf: map[uint64]int32{}, ambiguous: map[uint64]bool{}}
}

func (t *labelCount) count(f rowDecision, m member) {
	if f.rule != "" {
		return
	}
	t.rows[m.split]++
	for _, l := range t.sets[m.class] {
		if t.labels[l] == nil {
			t.labels[l] = new([len(Splits)]int64)
		}
		t.labels[l][m.split]++
	}
	if places[m.split] == withoutLabel {
		return
	}
	if c, ok := t.labelOf[f.source]; ok && c != m.class {
		t.ambiguous[f.source] = true
	}
	t.labelOf[f.source] = m.class
}

// check refuses examples that nothing could be learned from. A set whose every
// source came as validation or test is for judging alone, and may be.
func (t *labelCount) check(data []Data) error {
	if t.rows[0] == 0 && !slices.ContainsFunc(data, func(d Data) bool { g := d.rows.given().Split; return g == "" || g == Train }) {
		return nil
	}
	without := func(what string, n []int64) error {
		return fault.Hintf(fmt.Errorf("no row%s is left to train on (validation has %d, test %d)", what, n[1], n[2]),
			"give smaller shares to validation and test, drop the label, or bring more rows of it")
	}
	if t.rows[0] == 0 {
		return without("", t.rows[:])
	}
	for _, l := range slices.Sorted(maps.Keys(t.labels)) {
		if n := t.labels[l]; n[0] == 0 {
			return without(fmt.Sprintf(" of class %q", l), n[:])
		}
	}
	return nil
}

// manyClasses is how many classes make one doubt that they are classes.
const manyClasses = 20

// warning says that the labels look like ids, or like measurements: many, and hardly
// any row to learn each from.
func (t *labelCount) warning() string {
	rows := t.rows[0] + t.rows[1] + t.rows[2]
	if n := int64(len(t.labels)); n >= manyClasses && n > rows/4 {
		return fmt.Sprintf("warning: the labels have %d values in %d rows: is the column an id or a measurement? A class needs rows to be learned from; "+
			"name the values that mean each class: labels: {bad: [1, 2], good: [4, 5]}", n, rows)
	}
	return ""
}

func (t *labelCount) metrics() pipeline.Metrics {
	var m pipeline.Metrics
	for s, split := range Splits {
		m.Figures = append(m.Figures, pipeline.Figure{Name: "examples", Value: float64(t.rows[s]), Unit: "rows", Note: split})
		for _, l := range slices.Sorted(maps.Keys(t.labels)) {
			m.Figures = append(m.Figures, pipeline.Figure{Name: "examples of " + l, Value: float64(t.labels[l][s]), Unit: "rows", Note: split})
		}
	}
	if n := t.rows[len(Splits)]; n > 0 {
		m.Figures = append(m.Figures, pipeline.Figure{Name: "examples", Value: float64(n), Unit: "rows", Note: withoutLabel})
	}
	if n := len(t.ambiguous); n > 0 {
		m.Figures = append(m.Figures, pipeline.Figure{Name: "texts with several labels", Value: float64(n), Unit: "texts",
			Note: "the same text stands in rows of different classes"})
	}
	if w := t.warning(); w != "" {
		m.Figures = append(m.Figures, pipeline.Figure{Name: "classes", Value: float64(len(t.labels)), Unit: "classes", Note: "more than a quarter of the rows: an id?"})
	}
	return m
}
