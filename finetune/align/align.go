package align

import "slices"

// A Pair is the ids of a sentence and of its translation.
type Pair struct{ Source, Target []int32 }

// A Table is p(target | source) for all ids that stand in one pair: those of source s are
// targets[first[s]:first[s+1]], in ascending order.
type Table struct {
	first   []int
	targets []int32
	probs   []float32
}

// Fit learns from pairs whose source ids are below sources, in this many rounds. The same pairs give
// the same table.
func Fit(pairs []Pair, sources, rounds int) *Table {
	t := seen(pairs, sources)
	count, total := make([]float64, len(t.probs)), make([]float64, sources)
	var at []int
	for round := range rounds {
		clear(count)
		clear(total)
		for _, p := range pairs {
			for _, w := range p.Target {
				sum := 0.0
				at = at[:0]
				for _, s := range p.Source {
					i := t.find(s, w)
					at = append(at, i)
					if round == 0 {
						sum++
					} else {
						sum += float64(t.probs[i])
					}
				}
				if sum == 0 {
					continue
				}
				for k, s := range p.Source {
					c := 1 / sum
					if round > 0 {
						c *= float64(t.probs[at[k]])
					}
					count[at[k]] += c
					total[s] += c
				}
			}
		}
		for s := range sources {
			for i := t.first[s]; i < t.first[s+1]; i++ {
				t.probs[i] = float32(count[i] / max(total[s], 1e-300))
			}
		}
	}
	return t
}

// seen is the table of the ids that stand in one pair, its probabilities 0.
func seen(pairs []Pair, sources int) *Table {
	var keys []uint64
	whole := 0 // this many keys are sorted, none twice
	tidy := func() {
		slices.Sort(keys)
		keys = slices.Compact(keys)
		whole = len(keys)
	}
	for _, p := range pairs {
		for _, s := range p.Source {
			for _, t := range p.Target {
				keys = append(keys, uint64(s)<<32|uint64(uint32(t)))
			}
		}
		if len(keys) > 2*whole+1<<20 {
			tidy()
		}
	}
	tidy()
	t := &Table{first: make([]int, sources+1), targets: make([]int32, len(keys)), probs: make([]float32, len(keys))}
	for i, k := range keys {
		t.first[k>>32+1] = i + 1
		t.targets[i] = int32(uint32(k))
	}
	for s := range sources {
		t.first[s+1] = max(t.first[s+1], t.first[s])
	}
	return t
}

// find is where the probability of a target is; −1: it never stood beside the source.
func (t *Table) find(source, target int32) int {
	first := t.first[source]
	if i, ok := slices.BinarySearch(t.targets[first:t.first[source+1]], target); ok {
		return first + i
	}
	return -1
}

// Prob is p(target | source), 0 if they never stood in one pair.
func (t *Table) Prob(source, target int32) float64 {
	if i := t.find(source, target); i >= 0 {
		return float64(t.probs[i])
	}
	return 0
}

// Of lists the targets of a source in ascending order, and their probabilities. Neither may be
// changed.
func (t *Table) Of(source int32) (targets []int32, probs []float32) {
	from, to := t.first[source], t.first[source+1]
	return t.targets[from:to], t.probs[from:to]
}
