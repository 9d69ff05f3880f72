package corpus

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// How often documents are taken: the product of the weight of their source, of what their cluster's size says, and of
// the rate of their language, which the temperature and the budget decide.

// weight returns how often a document is taken for its source's and its cluster's sake.
func (s *Mix) weight(stage string, d *Document) float64 {
	w, ok := s.Weights[d.Source]
	if !ok {
		if w, ok = s.Weights[stage]; !ok {
			w = 1
		}
	}
	if len(s.Rehydrate) > 0 {
		w *= s.copiesOf(max(d.ClusterSize, 1))
	}
	return w
}

// copiesOf returns what Rehydrate says of clusters of a size: the entry of the greatest size that is not greater.
func (s *Mix) copiesOf(size int64) float64 {
	copies, best := 1., int64(0)
	for key, n := range s.Rehydrate {
		if k, err := strconv.ParseInt(key, 10, 64); err == nil && k <= size && k > best {
			best, copies = k, n
		}
	}
	return copies
}

// rates returns the rate of each language, from how many words of it there are for training, weighed.
//
// With temperature T a language with the share p of the words gets a share in proportion to p^(1/T) (Conneau et al.
// 2020, section 3.1: T = 3.3), of as many words as before or, if there is a budget, of that many.
func (s *Mix) rates(env *pipeline.Env, words map[string]float64) map[string]float64 {
	languages := slices.Sorted(maps.Keys(words))
	total, powers := 0., 0.
	for _, l := range languages {
		total += words[l]
		powers += math.Pow(words[l], 1/s.Temperature)
	}
	target := total
	if s.Tokens > 0 {
		target = float64(s.Tokens) / s.TokensPerWord / (1 - s.Validation - s.Test)
	}
	if total == 0 || target == total && s.Temperature == 1 {
		return nil
	}
	rates := map[string]float64{}
	got := 0.
	for _, l := range languages {
		if words[l] > 0 {
			rates[l] = min(target*math.Pow(words[l], 1/s.Temperature)/powers/words[l], s.MaxCopies)
			got += rates[l] * words[l]
		}
	}
	if got < .99*target {
		env.Progress.Say(fmt.Sprintf("the texts give %.3g words, not %.3g, as none is taken more than %g times (max_copies)", got, target, s.MaxCopies))
	}
	return rates
}

// checkRates finds what types cannot show.
func (s *Mix) checkRates() (faults []fault.Fault) {
	bad := func(path, hint, format string, args ...any) {
		faults = append(faults, fault.Fault{Path: path, Err: fmt.Sprintf(format, args...), Hint: hint})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Weights)) {
		if w := s.Weights[name]; !(w >= 0 && w <= 1000) {
			bad("weights."+name, "", "weight %v must lie between 0 and 1000", w)
		}
	}
	for _, size := range slices.Sorted(maps.Keys(s.Rehydrate)) {
		if k, err := strconv.ParseInt(size, 10, 64); err != nil || k < 1 {
			bad("rehydrate."+size, `rehydrate: {"1": 1, "2": 2, "5": 3}`, "%q is no size of a cluster", size)
		}
		if n := s.Rehydrate[size]; !(n >= 0 && n <= 1000) {
			bad("rehydrate."+size, "", "%v copies must lie between 0 and 1000", n)
		}
	}
	if !(s.Temperature >= 1 && s.Temperature <= 100) {
		bad("temperature", "1 leaves the languages as they are; 3.3 brings them nearer to each other", "temperature must lie between 1 and 100")
	}
	if s.Tokens < 0 {
		bad("tokens", "0 takes all", "tokens must not be less than 0")
	}
	if !(s.TokensPerWord > 0 && s.TokensPerWord <= 100) {
		bad("tokens_per_word", "tokens_per_word: 1.4", "tokens_per_word must lie between 0 and 100")
	}
	if !(s.MaxCopies >= 1 && s.MaxCopies <= 1000) {
		bad("max_copies", "max_copies: 16", "max_copies must lie between 1 and 1000")
	}
	return faults
}

// copies returns how often a document is taken, or why not at all.
func (s *Mix) copies(seed uint64, weight, rate float64, id string) (int, Drop) {
	whole, part := math.Modf(weight * rate)
	u := draw(seed, "weight", id)
	n := int(whole)
	if u < threshold(part) {
		n++
	}
	if n == 0 {
		rule := "mix.weights"
		if weight >= 1 {
			rule = "mix.rates"
		}
		return 0, Drop{Rule: rule, Value: float64(u) / (1 << 64), Limit: weight * rate}
	}
	return n, Drop{}
}
