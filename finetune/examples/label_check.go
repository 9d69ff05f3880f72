package examples

import (
	"errors"
	"fmt"
	"slices"
)

// check says what becomes of a row, and puts its labels in their final form.
func (l *Label) check(row *labelled, failed error, dict map[string]string) verdict {
	if failed != nil {
		return verdict{failed: failed}
	}
	for _, s := range []string{row.Text, row.Target} {
		if v := readable(s); v != (verdict{}) {
			return v
		}
	}
	for _, m := range row.Messages {
		if v := readable(m.Content); v != (verdict{}) {
			return v
		}
	}
	pair := len(row.Labels) == 0
	if _, named := dict[""]; !pair && !named && (l.Unlabelled == UnlabelledNone || l.Unlabelled == UnlabelledKeep) {
		row.Labels = slices.DeleteFunc(row.Labels, func(v string) bool { return canonical(v) == "" })
	}
	if l.unlabelled(pair, row.Labels) {
		if row.Split != "" && row.Split != Train {
			return verdict{rule: "unlabelled"} // nothing can be judged by it
		}
		row.Split = withoutLabel
	}
	if row.Text == "" || pair && row.Target == "" {
		return verdict{rule: "empty"}
	}
	if row.Messages != nil {
		return verdict{}
	}
	if pair {
		return l.Pairs.check(row.Text, row.Target)
	}
	var classes []string
	for _, v := range row.Labels {
		v = canonical(v)
		class, known := dict[v]
		switch {
		case known && class == "":
			return verdict{rule: "label", value: v}
		case !known && v == "" && l.Unlabelled == UnlabelledDrop:
			return verdict{rule: "unlabelled"}
		case !known && v == "":
			return verdict{failed: errors.New("the row has no label; unlabelled: drop leaves such rows out")}
		case !known && len(l.Labels) > 0:
			return verdict{failed: fmt.Errorf("label %q is in no class: add it to labels, or to drop", v)}
		case !known:
			class = v
		}
		classes = append(classes, class)
	}
	if l.Numbers {
		if len(classes) != 1 {
			return verdict{failed: fmt.Errorf("the row has %d labels, and numbers: true wants one number", len(classes))}
		}
		if _, err := Number(classes[0]); err != nil {
			return verdict{failed: err}
		}
	}
	slices.Sort(classes)
	row.Labels = slices.Compact(classes)
	return verdict{}
}

// dictionary is value → class, and value → "" for what is dropped.
func (l *Label) dictionary() map[string]string {
	dict := map[string]string{}
	for class, values := range l.Labels {
		for _, v := range values {
			dict[canonical(v)] = class
		}
	}
	for _, v := range l.Drop {
		dict[canonical(v)] = ""
	}
	return dict
}

// unlabelled reports whether a row without labels is one that is kept for its text.
func (l *Label) unlabelled(pair bool, labels []string) bool {
	return l.Unlabelled == UnlabelledKeep && !pair && len(labels) == 0
}
