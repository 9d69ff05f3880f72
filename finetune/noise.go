package finetune

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"fragua/finetune/examples"
	"fragua/pipeline/fault"
)

// Noise changes training pairs as people change what they write, again in each epoch, so that the
// model reads that too (OpusTrainer's modifiers; Nieminen et al. 2023). Each is the share of pairs
// that it changes; the pairs that training is watched and judged by stay as they are.
type Noise struct {
	Upper  float64 `yaml:"upper" doc:"Share of training pairs in capitals, both sides."`
	Lower  float64 `yaml:"lower" doc:"Share whose source is in small letters; the target keeps its capitals."`
	Typos  float64 `yaml:"typos" doc:"Share with a typo in the source: in one word two letters change places, one is missing, doubled or another one."`
	Stop   float64 `yaml:"stop" doc:"Share without the stop at the end, both sides."`
	Spaces float64 `yaml:"spaces" doc:"Share with a doubled space in the source."`
}

func (n Noise) shares() []float64 { return []float64{n.Upper, n.Lower, n.Typos, n.Stop, n.Spaces} }

// any reports whether there is noise at all.
func (n Noise) any() bool { return slices.Max(n.shares()) > 0 }

func (n Noise) check() (faults []fault.Fault) {
	for i, name := range []string{"upper", "lower", "typos", "stop", "spaces"} {
		if s := n.shares()[i]; !(s >= 0 && s <= 1) {
			faults = append(faults, fault.Fault{Path: "noise." + name, Err: fmt.Sprintf("%v is not a share", s), Hint: "0.05 is usual"})
		}
	}
	if n.Upper+n.Lower > 1 {
		faults = append(faults, fault.Fault{Path: "noise", Err: "upper and lower take more than all pairs", Hint: "0.05 each"})
	}
	return faults
}

// change returns what is learned of a pair, and whether it differs from the pair.
func (n Noise) change(e examples.Example, rng *rand.Rand) (examples.Example, bool) {
	before := e
	happens := func(share float64) bool { return rng.Float64() < share }
	if happens(n.Stop) {
		s, source := cutStop(e.Text)
		t, target := cutStop(e.Target)
		if source && target {
			e.Text, e.Target = s, t
		}
	}
	if happens(n.Typos) {
		e.Text = typo(e.Text, rng)
	}
	switch p := rng.Float64(); {
	case p < n.Upper:
		e.Text, e.Target = strings.ToUpper(e.Text), strings.ToUpper(e.Target)
	case p < n.Upper+n.Lower:
		e.Text = strings.ToLower(e.Text)
	}
	if happens(n.Spaces) {
		var at []int
		for i := range len(e.Text) {
			if e.Text[i] == ' ' {
				at = append(at, i)
			}
		}
		if len(at) > 0 {
			i := at[rng.IntN(len(at))]
			e.Text = e.Text[:i] + " " + e.Text[i:]
		}
	}
	return e, e.Text != before.Text || e.Target != before.Target
}

// cutStop takes a single full stop off the end.
func cutStop(s string) (string, bool) {
	cut, ok := strings.CutSuffix(s, ".")
	if !ok || cut == "" || strings.HasSuffix(cut, ".") {
		return s, false
	}
	return cut, true
}

// typo changes one word of letters alone, of three or more: placeholders and numbers stay whole.
func typo(s string, rng *rand.Rand) string {
	words := strings.Split(s, " ")
	var at []int
	for i, w := range words {
		if letters := strings.TrimRight(w, ".,;:!?"); utf8.RuneCountInString(letters) >= 3 && strings.IndexFunc(letters, func(r rune) bool { return !unicode.IsLetter(r) }) < 0 {
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return s
	}
	i := at[rng.IntN(len(at))]
	w := []rune(words[i])
	letters := utf8.RuneCountInString(strings.TrimRight(words[i], ".,;:!?"))
	k := 1 + rng.IntN(letters-1) // the first letter is rarely wrong
	switch rng.IntN(4) {
	case 0:
		w[k-1], w[k] = w[k], w[k-1]
	case 1:
		w = slices.Delete(w, k, k+1)
	case 2:
		w = slices.Insert(w, k, w[k])
	default:
		w[k] = rune('a' + rng.IntN(26))
	}
	words[i] = string(w)
	return strings.Join(words, " ")
}
