package finetune

import (
	"fmt"

	"fragua/finetune/examples"
	"fragua/finetune/linear"
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
// of the training set, and linear models of words and pairs of words fitted on it.
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
	answers := map[string][]string{}
	most := classes[majority(counts)]
	for range test {
		answers[MajorityName] = append(answers[MajorityName], most)
	}
	for name, spec := range map[string]linear.Spec{NBLRName: linear.NBLR, TFIDFName: linear.TFWords} {
		m, err := spec.Fit(texts, labels, len(classes), false)
		if err != nil {
			return nil, err
		}
		for _, e := range test {
			answers[name] = append(answers[name], classes[linear.Likeliest(m.LogProbs(e.Text))])
		}
	}
	return answers, nil
}

// The names of the baselines in metrics.
const (
	MajorityName  = "majority class"
	NBLRName      = "naive-Bayes bigram regression"
	TFIDFName     = "TF-IDF and logistic regression"
	FrozenName    = "frozen features and logistic regression"
	PromptedName  = "prompting"
	UntrainedName = "the model before fine-tuning"
	CopyName      = "copy of the source"
	LexiconName   = "word for word (IBM model 1)"
)
