package corpus

import "iter"

// A Measurement is one number about a document beside its limit.
type Measurement struct {
	Rule         string // step.setting
	Value, Limit float64
	Failed       bool
	Note         string
}

// A tester is a step that drops by limits. It yields its tests in order, those
// that are not off; Apply stops at the first that fails, and Explain hears all.
type tester interface {
	tests(*Document) iter.Seq[Measurement]
}

// firstFailure returns the drop of the first test that fails.
func firstFailure(tests iter.Seq[Measurement]) Drop {
	for t := range tests {
		if t.Failed {
			return Drop{Rule: t.Rule, Value: t.Value, Limit: t.Limit, Note: t.Note}
		}
	}
	return Drop{}
}

// A limit is a setting that a value must not fall below, or rise above; at 0 it
// is off.
type limit struct {
	rule  string
	value float64
	min   float64
	max   float64
}

// limits yields the tests of the limits that are on.
func limits(yield func(Measurement) bool, list ...limit) bool {
	for _, l := range list {
		if l.min > 0 && !yield(Measurement{Rule: l.rule, Value: l.value, Limit: l.min, Failed: l.value < l.min}) {
			return false
		}
		if l.max > 0 && !yield(Measurement{Rule: l.rule, Value: l.value, Limit: l.max, Failed: l.value > l.max}) {
			return false
		}
	}
	return true
}
