package finetune

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"fragua/finetune/examples"
	"fragua/pipeline"
)

// read returns the examples by split, of train the share that is asked for.
func (f *Finetune) read(env *pipeline.Env) (map[string][]examples.Example, error) {
	sets, err := read(env.In["examples"], f.Goal.Goal)
	if err == nil && f.Share < 1 {
		_, numbers := f.Goal.Goal.(*Regression)
		sets[examples.Train] = shareOf(sets[examples.Train], f.Share, f.seed(env), !numbers)
	}
	return sets, err
}

// shareOf draws a share of the examples, rounded up in each class where they have some, in their order. A draw depends on
// seed and id alone, so that a smaller share is part of a larger one.
func shareOf(set []examples.Example, share float64, seed uint64, classes bool) []examples.Example {
	byClass := map[string][]int{}
	for i, e := range set {
		class := ""
		if classes {
			class = strings.Join(e.Labels, "\x00")
		}
		byClass[class] = append(byClass[class], i)
	}
	var drawn []int
	for _, rows := range byClass {
		slices.SortFunc(rows, func(a, b int) int {
			return cmp.Or(cmp.Compare(xxh3.HashStringSeed(set[a].ID, seed), xxh3.HashStringSeed(set[b].ID, seed)), cmp.Compare(a, b))
		})
		drawn = append(drawn, rows[:int(math.Ceil(share*float64(len(rows))))]...)
	}
	slices.Sort(drawn)
	out := make([]examples.Example, len(drawn))
	for i, at := range drawn {
		out[i] = set[at]
	}
	return out
}
