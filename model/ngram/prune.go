package ngram

import "math"

// pruned is the place of an n-gram that is not kept.
const pruned = math.MaxUint32

// prune says of each level which n-grams stay; nil: all. One stays if it was
// counted often enough, or if a longer one that stays needs it: its context, of
// which it is a child, or its end, whose probability it is mixed with.
// Unigrams and bigrams all stay.
func (c *Counter) prune() [][]bool {
	kept := make([][]bool, c.o.Order)
	if c.o.MinCount <= 1 {
		return kept
	}
	for k := c.o.Order - 1; k >= 2; k-- {
		l := &c.levels[k]
		if kept[k] == nil {
			kept[k] = make([]bool, len(l.count))
		}
		if k > 2 {
			kept[k-1] = make([]bool, len(c.levels[k-1].count))
		}
		for i, num := range l.table.nums {
			if num == 0 {
				continue
			}
			num--
			if !kept[k][num] && l.count[num] < uint32(c.o.MinCount) {
				continue
			}
			kept[k][num] = true
			if k > 2 {
				kept[k-1][l.table.keys[i]>>32], kept[k-1][l.suffix[num]] = true, true
			}
		}
	}
	return kept
}
