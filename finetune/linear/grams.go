package linear

import (
	"slices"
	"strings"
)

// Unit is what n-grams are made of.
type Unit string

// The units.
const (
	ByWord      Unit = "words"
	ByCharacter Unit = "characters" // n-grams lie inside one word and the spaces around it, as scikit-learn's char_wb
)

// A vocabulary numbers n-grams.
type vocabulary struct {
	unit      Unit
	low, high int // orders
	id        map[string]int32
}

// each calls f with every n-gram of a text, in lower case, one by one.
func (v *vocabulary) each(text string, f func(gram string)) {
	ws := Words(text)
	if v.unit == ByWord {
		all := strings.Join(ws, " ")
		starts := make([]int, 0, len(ws)+1)
		at := 0
		for _, w := range ws {
			starts = append(starts, at)
			at += len(w) + 1
		}
		starts = append(starts, at)
		for i := range ws {
			for n := v.low; n <= v.high && i+n <= len(ws); n++ {
				f(all[starts[i] : starts[i+n]-1])
			}
		}
		return
	}
	var starts []int
	for _, w := range ws {
		w = " " + w + " "
		starts = starts[:0]
		for i := range w {
			starts = append(starts, i)
		}
		starts = append(starts, len(w))
		for n := v.low; n <= v.high; n++ {
			if n >= len(starts)-1 { // the word is no longer: it counts once
				f(w)
				break
			}
			for i := 0; i+n < len(starts); i++ {
				f(w[starts[i]:starts[i+n]])
			}
		}
	}
}

// counts returns the n-grams of a text and how often each occurs, in the order of
// their numbers. Unknown ones are learned or left out.
func (v *vocabulary) counts(text string, learn bool) (ids []int32, times []float32) {
	v.each(text, func(gram string) {
		id, ok := v.id[gram]
		if !ok {
			if !learn {
				return
			}
			id = int32(len(v.id))
			v.id[strings.Clone(gram)] = id
		}
		ids = append(ids, id)
	})
	slices.Sort(ids)
	n := 0
	for i, id := range ids {
		if i > 0 && ids[n-1] == id {
			times[n-1]++
			continue
		}
		ids[n] = id
		times = append(times, 1)
		n++
	}
	return ids[:n], times
}

// list returns the n-grams by number.
func (v *vocabulary) list() []string {
	out := make([]string, len(v.id))
	for g, i := range v.id {
		out[i] = g
	}
	return out
}
