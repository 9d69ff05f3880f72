package finetune

import "strings"

// A Strategy says what answers: the fine-tuned network, logistic regression on the
// features of the network as it was pretrained (frozen), n-gram models, the
// network stacked with n-gram models, or the pretrained network when it is asked (prompted). It is for goals with classes; where
// answers are texts there is only the fine-tuned network.
type Strategy string

// The strategies.
const (
	Best            Strategy = "best" // of those that can be had, the one with the least log loss on validation
	Finetuned       Strategy = "finetuned"
	Frozen          Strategy = "frozen"
	NGrams          Strategy = "ngrams"
	FinetunedNGrams Strategy = "finetuned+ngrams"
	FrozenNGrams    Strategy = "frozen+ngrams"
	Prompted        Strategy = "prompted" // the pretrained network, asked
)

// strategies are those that Best chooses among; of equals the first wins.
var strategies = []Strategy{Finetuned, Frozen, NGrams, FinetunedNGrams, FrozenNGrams, Prompted}

// Values lists the strategies.
func (Strategy) Values() []string {
	values := []string{string(Best)}
	for _, s := range strategies {
		values = append(values, string(s))
	}
	return values
}

// uses reports whether a strategy has a part: Finetuned, Frozen or NGrams.
func (s Strategy) uses(part Strategy) bool {
	for p := range strings.SplitSeq(string(s), "+") {
		if p == string(part) {
			return true
		}
	}
	return false
}

// candidates are the strategies that are tried; without a model n-grams are the only one, and
// without a prompt the model is not asked.
func (s Strategy) candidates(hasModel, hasPrompt bool) []Strategy {
	if s != Best {
		return []Strategy{s}
	}
	if !hasModel {
		return []Strategy{NGrams}
	}
	if !hasPrompt {
		return strategies[:len(strategies)-1]
	}
	return strategies
}

// trains reports whether a network is fine-tuned.
func (s Strategy) trains(hasModel bool) bool {
	for _, c := range s.candidates(hasModel, false) {
		if c.uses(Finetuned) {
			return true
		}
	}
	return false
}
