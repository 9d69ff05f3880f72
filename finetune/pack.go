package finetune

import (
	"cmp"
	"slices"
)

// pack lays sequences together into rows of at most this many ids (best-fit decreasing: the longest
// first, each into the open row that it fills best). A row knows where its documents are, so that
// none sees another and positions start again in each. Sequences longer than a row stay alone.
func pack(rows []sequence, room int) []sequence {
	order := upTo(len(rows))
	slices.SortStableFunc(order, func(a, b int32) int { return -cmp.Compare(len(rows[a].ids), len(rows[b].ids)) })
	open := make([][]int, room+1) // rows by the ids that are free in them, the one last made on top
	var bins [][]int32            // the sequences of each row
	for _, i := range order {
		n := len(rows[i].ids)
		bin, free := -1, n
		for ; free <= room; free++ {
			if last := len(open[free]) - 1; last >= 0 {
				bin = open[free][last]
				open[free] = open[free][:last]
				break
			}
		}
		if bin < 0 {
			bin, free = len(bins), room
			bins = append(bins, nil)
		}
		bins[bin] = append(bins[bin], i)
		if left := free - n; left > 0 {
			open[left] = append(open[left], bin)
		}
	}
	packed := make([]sequence, len(bins))
	for b, members := range bins {
		slices.Sort(members) // as the data come
		s := sequence{class: -1, row: rows[members[0]].row}
		for doc, i := range members {
			s.ids = append(s.ids, rows[i].ids...)
			s.learn = append(s.learn, rows[i].learn...)
			for range rows[i].ids {
				s.docs = append(s.docs, int32(doc))
			}
		}
		packed[b] = s
	}
	return packed
}
