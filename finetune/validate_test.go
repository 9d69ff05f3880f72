package finetune

import (
	"slices"
	"strings"
	"testing"

	"fragua/finetune/examples"
	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
)

func TestGates(t *testing.T) {
	base := baseModel(t, 8)
	long := strings.Repeat("a", 20)
	one := func(text, label string) examples.Example {
		return examples.Example{ID: text, Text: text, Labels: []string{label}, Split: examples.Train}
	}
	for want, c := range map[string]struct {
		goal Goal
		set  []examples.Example
	}{
		"there are no training examples":               {sentiment(LongDrop), nil},
		`no training example of class "b" is left`:     {sentiment(LongDrop), []examples.Example{one("x", "a"), one(long, "b")}},
		"all 2 training examples are longer than":      {sentiment(LongDrop), []examples.Example{one(long, "a"), one(long, "b")}},
		"have 1 classes":                               {sentiment(LongDrop), []examples.Example{one("x", "a")}},
		"has 0 labels, want one":                       {sentiment(LongDrop), []examples.Example{{ID: "1", Text: "x", Split: examples.Train}}},
		"has no target":                                {translation(), []examples.Example{one("x", "a")}},
		"20 tokens do not fit into 8":                  {sentiment(LongError), []examples.Example{one("x", "a"), one(long, "b")}},
		`the tokenizer has no special token "<|sep|>"`: {&Translation{Separator: "<|sep|>", TooLong: LongDrop}, []examples.Example{{Text: "a", Target: "b"}}},
		"every target is masked":                       {silent{translation()}, []examples.Example{{ID: "1", Text: "a", Target: "b"}}},
	} {
		f := tune(c.goal)
		_, err := f.prepare(base.Path, map[string][]examples.Example{examples.Train: c.set}, 1)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	f := tune(sentiment(LongDrop))
	f.Stop.Patience = 1
	if _, err := f.prepare(base.Path, map[string][]examples.Example{examples.Train: {one("x", "a"), one("y", "b")}}, 1); err == nil || !strings.Contains(err.Error(), "needs validation") {
		t.Error(err)
	}
}

// silent is a goal that forgot to learn anything.
type silent struct{ *Translation }

func (silent) Segments(e examples.Example) []Segment {
	return []Segment{{Text: e.Text}, {Text: e.Target}}
}

func TestFinetuneFaults(t *testing.T) {
	for want, break_ := range map[string]func(*Finetune){
		"too_long is not set":      func(f *Finetune) { f.Goal.Goal.(*Translation).TooLong = "" },
		"cuts a sentence off":      func(f *Finetune) { f.Goal.Goal.(*Translation).TooLong = KeepEnds },
		"no goal":                  func(f *Finetune) { f.Goal = GoalChoice{} },
		"neither epochs nor steps": func(f *Finetune) { f.Epochs = 0 },
		"cannot be computed in":    func(f *Finetune) { f.Accumulate = 3 },
		"is not measured by":       func(f *Finetune) { f.Stop.Metric = "accuracy" },
		"a learning rate of":       func(f *Finetune) { f.LR = 0 },
		"let lower groups learn":   func(f *Finetune) { f.LayerDecay = 0.5 },
		"are not below 0":          func(f *Finetune) { f.Freeze = -1 },
		"is not a share":           func(f *Finetune) { f.Warmup = 2 },
		"0 beams":                  func(f *Finetune) { f.Goal.Goal.(*Translation).Search.Beams = 0 },
		"leaves no room":           func(f *Finetune) { f.Goal.Goal.(*Translation).MaxRatio = 0 },
		"a batch of 0":             func(f *Finetune) { f.Batch = 0 },
	} {
		f := tune(translation())
		break_(f)
		faults := f.Check()
		if c, ok := any(f.Goal.Goal).(settings.Checker); ok {
			faults = append(faults, c.Check()...)
		}
		if !slices.ContainsFunc(faults, func(x fault.Fault) bool { return strings.Contains(x.Err, want) }) {
			t.Errorf("no fault says %q: %+v", want, faults)
		}
	}
}

func TestOpenTunedRefuses(t *testing.T) {
	base := baseModel(t, 8)
	if _, err := OpenTuned(base.Path); err == nil || !strings.Contains(err.Error(), "not fine-tuned") {
		t.Error(err)
	}
}

func TestLexicon(t *testing.T) {
	var set []examples.Example
	for _, p := range [][2]string{{"the house", "la casa"}, {"the red house", "la casa roja"}, {"the flower", "la flor"}, {"a red flower", "una flor roja"}} {
		set = append(set, examples.Example{Text: p[0], Target: p[1]})
	}
	l := FitLexicon(set)
	if got := l.Translate("The red house, Ana."); got != "La roja casa, ana." {
		t.Errorf("%q", got)
	}
	if got := l.Translate(""); got != "" {
		t.Errorf("%q", got)
	}
}
