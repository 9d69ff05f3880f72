package finetune

import (
	"fmt"

	"fragua/finetune/examples"
)

// majority is the baseline that always answers the class most frequent in
// training (the first of equals).
func majority(counts []int) int {
	best := 0
	for c, n := range counts {
		if n > counts[best] {
			best = c
		}
	}
	return best
}

// ClassBaselines answers a test set as the baselines would: the majority class
// of the training set, and NBLR fitted on it.
func ClassBaselines(classes []string, train, test []examples.Example) (map[string][]string, error) {
	at := make(map[string]int, len(classes))
	for i, c := range classes {
		at[c] = i
	}
	texts, labels := make([]string, len(train)), make([]int, len(train))
	counts := make([]int, len(classes))
	for i, e := range train {
		if len(e.Labels) != 1 {
			return nil, fmt.Errorf("example %s has %d labels, want one", e.ID, len(e.Labels))
		}
		c, ok := at[e.Labels[0]]
		if !ok {
			return nil, fmt.Errorf("example %s: label %q is not one of the classes %q", e.ID, e.Labels[0], classes)
		}
		texts[i], labels[i] = e.Text, c
		counts[c]++
	}
	nb, err := FitNBLR(classes, texts, labels, 2)
	if err != nil {
		return nil, err
	}
	most := classes[majority(counts)]
	answers := map[string][]string{MajorityName: make([]string, len(test)), NBLRName: make([]string, len(test))}
	for i, e := range test {
		answers[MajorityName][i] = most
		c, _ := nb.Predict(e.Text)
		answers[NBLRName][i] = classes[c]
	}
	return answers, nil
}

// The names of the baselines in metrics.
const (
	MajorityName = "majority class"
	NBLRName     = "naive-Bayes bigram regression"
	CopyName     = "copy of the source"
	LexiconName  = "word for word (IBM model 1)"
)
