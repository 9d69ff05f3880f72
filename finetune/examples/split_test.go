package examples

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// No group stands in two Splits; single rows split to within one row; the
// order of rows and nothing else than the seed matters.
func TestSplitProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := SplitBy{Validation: rapid.Float64Range(0, 0.4).Draw(t, "validation"), Test: rapid.Float64Range(0, 0.4).Draw(t, "test"), Stratify: rapid.Bool().Draw(t, "stratify")}
		single := rapid.Bool().Draw(t, "single")
		n := rapid.IntRange(1, 200).Draw(t, "n")
		members := make([]member, n)
		classSize := map[int32]int{}
		for i := range members {
			members[i] = member{group: uint64(i), class: int32(rapid.IntRange(0, 2).Draw(t, "class")), split: unset}
			if !single {
				members[i].group = uint64(rapid.IntRange(0, n/3).Draw(t, "group"))
			}
			if s.Stratify {
				classSize[members[i].class]++
			} else {
				classSize[0]++
			}
		}
		again := slices.Clone(members)
		slices.Reverse(again)
		s.assign(members, 7)
		s.assign(again, 7)
		slices.Reverse(again)
		if single && !slices.Equal(members, again) {
			t.Fatal("the order of the rows matters")
		}
		where := map[uint64]uint8{}
		count := map[int32]*[3]int{}
		for _, m := range members {
			if m.split > 2 {
				t.Fatal("a row has no split")
			}
			if w, ok := where[m.group]; ok && w != m.split {
				t.Fatal("a group is in two Splits")
			}
			where[m.group] = m.split
			c := m.class
			if !s.Stratify {
				c = 0
			}
			if count[c] == nil {
				count[c] = new([3]int)
			}
			count[c][m.split]++
		}
		for c, size := range classSize {
			got := count[c]
			if single {
				for i, share := range map[int]float64{1: s.Validation, 2: s.Test} {
					if d := float64(got[i]) - share*float64(size); d > 1 || d < -1 {
						t.Fatalf("class %d: split %d has %d of %d rows, share %v", c, i, got[i], size, share)
					}
				}
			} else if s.Stratify && len(classSize) == 1 && (got[1] > quota(s.Validation, size) || got[2] > quota(s.Test, size)) {
				t.Fatalf("a split is overfull: %v", got)
			}
		}
	})
}
