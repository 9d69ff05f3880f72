package finetune

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"fragua/finetune/align"
	"fragua/model/safetensors"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// Shortlisting says for which ids the head is computed when a text is translated: those that
// translate the source's ids, and the most frequent. What is on no list cannot be written, and the
// others are written sooner: the head is half of the work of a small model.
type Shortlisting struct {
	Best     int `yaml:"best" doc:"This many of the likeliest translations of each source id (IBM model 1 on the training pairs): 50 is usual. 0: no shortlist, all ids may be written."`
	Frequent int `yaml:"frequent" doc:"And this many of the most frequent ids."`
}

// A shortlist knows which ids may translate a source.
type shortlist struct {
	frequent []int32   // in ascending order
	best     [][]int32 // by source id
}

const (
	shortlistFile   = "shortlist.safetensors"
	shortlistPairs  = 500_000 // that are learned from
	shortlistRounds = 4
	shortlistLeast  = 1e-4 // probability below which an id is no translation
)

// newShortlist learns from the training pairs of a model of this many ids.
func newShortlist(s Shortlisting, rows []sequence, vocab int) *shortlist {
	var pairs []align.Pair
	count := make([]int, vocab)
	for _, r := range rows[:min(len(rows), shortlistPairs)] {
		p := align.Pair{Source: r.source}
		for i, id := range r.ids {
			if r.learn[i] {
				p.Target = append(p.Target, id)
				count[id]++
			}
		}
		pairs = append(pairs, p)
	}
	order := upTo(vocab)
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(count[b], count[a]) })
	l := &shortlist{frequent: slices.Sorted(slices.Values(order[:min(s.Frequent, vocab)])), best: make([][]int32, vocab)}
	table := align.Fit(pairs, vocab, shortlistRounds)
	for id := range l.best {
		targets, probs := table.Of(int32(id))
		order := upTo(len(targets))
		slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(probs[b], probs[a]) })
		for _, i := range order[:min(s.Best, len(order))] {
			if probs[i] >= shortlistLeast {
				l.best[id] = append(l.best[id], targets[i])
			}
		}
	}
	return l
}

// of lists the ids that may translate some sources, in ascending order: end among them, and the
// sources' own ids, which names and numbers are copied with.
func (l *shortlist) of(rows []sequence, end int32) []int32 {
	in := make([]bool, len(l.best))
	in[end] = true
	for _, id := range l.frequent {
		in[id] = true
	}
	for _, r := range rows {
		for _, id := range r.source {
			in[id] = true
			for _, t := range l.best[id] {
				in[t] = true
			}
		}
	}
	var ids []int32
	for id, is := range in {
		if is {
			ids = append(ids, int32(id))
		}
	}
	return ids
}

// save writes the lists: those of all ids behind each other, and where each begins.
func (l *shortlist) save(dir string) error {
	first, all := []int32{0}, []int32{}
	for _, ids := range l.best {
		all = append(all, ids...)
		first = append(first, int32(len(all)))
	}
	var arrays []safetensors.Array
	for name, ids := range map[string][]int32{"frequent": l.frequent, "first": first, "best": all} {
		a := safetensors.Array{Name: name, DType: "I32", Shape: []int{len(ids)}}
		for _, id := range ids {
			a.Data = binary.LittleEndian.AppendUint32(a.Data, uint32(id))
		}
		arrays = append(arrays, a)
	}
	return store.WriteFile(filepath.Join(dir, shortlistFile), func(w io.Writer) error { return safetensors.Write(w, arrays, nil) })
}

// openShortlist reads what save wrote, of a model of this many ids.
func openShortlist(dir string, vocab int) (*shortlist, error) {
	name := filepath.Join(dir, shortlistFile)
	f, err := safetensors.Open(name)
	if err != nil {
		return nil, fault.Hintf(err, "without it the model translates, too: set best of shortlist in config.json to 0")
	}
	defer f.Close()
	lists := map[string][]int32{}
	for _, array := range []string{"frequent", "first", "best"} {
		a, err := f.Array(array)
		if err != nil {
			return nil, err
		}
		if a.DType != "I32" {
			return nil, fmt.Errorf("%s: array %q holds %s, want I32", name, array, a.DType)
		}
		for i := 0; i+4 <= len(a.Data); i += 4 {
			lists[array] = append(lists[array], int32(binary.LittleEndian.Uint32(a.Data[i:])))
		}
	}
	first, best := lists["first"], lists["best"]
	for _, id := range slices.Concat(best, lists["frequent"]) {
		if id < 0 || int(id) >= vocab {
			return nil, fmt.Errorf("%s: id %d is not one of the model's %d", name, id, vocab)
		}
	}
	if len(first) != vocab+1 || first[0] != 0 || !slices.IsSorted(first) || int(first[vocab]) != len(best) {
		return nil, fmt.Errorf("%s: the lists do not fit the model's %d ids", name, vocab)
	}
	l := &shortlist{frequent: lists["frequent"]}
	for id := range vocab {
		l.best = append(l.best, best[first[id]:first[id+1]])
	}
	return l, nil
}
