package finetune

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"fragua/finetune/examples"
	"fragua/model"
	"fragua/model/nn"
	"fragua/model/tensor"
	"fragua/pipeline"
	"fragua/tokenize"
)

// TestWhole: a text that is longer than the context is read in parts, and what the head reads of it is
// the same as of each part alone, pooled; a recurrent model reads it in one.
func TestWhole(t *testing.T) {
	tok, err := tokenize.Parse(byteTokenizer(t))
	if err != nil {
		t.Fatal(err)
	}
	const context = 8
	goal := sentiment(Whole)
	texts := []string{"abc", "abcdefghijklmnopqrs", "abcdefgh", "", strings.Repeat("abcdefg ", 40)}
	for name, arch := range map[string]model.Arch{
		"gpt":  &model.GPT{Layers: 1, Heads: 2, Width: 8},
		"lstm": &model.LSTM{Layers: 1, Width: 8, Tied: true},
	} {
		lm, err := arch.Build(260, context, 3)
		if err != nil {
			t.Fatal(err)
		}
		enc := (&Tuned{Goal: GoalChoice{sentimentGoal, goal}, LM: lm, Tokenizer: tok}).encoder()
		c := newClassifier(lm, goal, 2, PoolConcat, 0, nn.NewInit(1))
		var tally lengths
		var rows []sequence
		for _, text := range texts {
			parts, err := enc.encodeParts(goal.Segments(examples.Example{Text: text}), &tally)
			if err != nil || len(parts) != 1 {
				t.Fatalf("%s: %q has %d sequences; %v", name, text, len(parts), err)
			}
			rows = append(rows, parts...)
		}
		if tally.Whole != 4 || tally.Cut != 1 || len(rows[4].ids) != mostParts*context || rows[3].ids[0] != tok.EndOfText() {
			t.Errorf("%s: %+v, the longest has %d ids, the empty one %v", name, tally, len(rows[4].ids), rows[3].ids)
		}
		var b model.Batch
		goal.Fill(&b, rows, 2)
		if parts := name == "gpt"; (b.Parts != nil) != parts || b.Norm != 5 || parts && !slices.Equal(b.Parts, []int{1, 3, 1, 1, 16}) {
			t.Errorf("%s: parts %v, norm %v", name, b.Parts, b.Norm)
		}
		var tp *tensor.Tape
		got := c.pooled(tp, &b, PoolConcat)
		for i, s := range rows {
			var states []float32
			for part := range slices.Chunk(s.ids, cmp.Or(s.window, len(s.ids))) {
				one := model.Batch{B: 1, T: len(part), IDs: part}
				states = append(states, lm.Hidden(tp, &one).Data...)
			}
			h := tensor.New(len(s.ids), 8)
			copy(h.Data, states)
			all := []tensor.Span{{From: 0, To: len(s.ids)}}
			want := tp.Concat(tp.Rows(h, []int32{int32(len(s.ids) - 1)}), tp.Max(h, all), tp.Mean(h, all))
			for k, w := range want.Data {
				if g := got.Data[i*24+k]; g-w > 1e-5 || w-g > 1e-5 {
					t.Fatalf("%s: text %d, feature %d: %v, want %v", name, i, k, g, w)
				}
			}
		}
		if l := c.Loss(tp, &b); l.Targets != 5 {
			t.Errorf("%s: %d targets", name, l.Targets)
		}
	}
	// A letter that only a later part has decides the class.
	var set []examples.Example
	for i, e := range moods(300) {
		e.Text = strings.Repeat("a", 3+i%9) + e.Text + strings.Repeat("b", 3+i%7)
		set = append(set, e)
	}
	goal.Pool = PoolConcat
	f := tune(goal)
	f.Epochs = 10
	dir, counts := run(t, f, baseModel(t, 16), examplesDir(t, set))
	m, err := pipeline.ReadMetrics(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := figure(t, m, "accuracy", examples.Test); got.Value < 0.8 || counts.Kept != 180 {
		t.Errorf("%+v, %d kept", got, counts.Kept)
	}
	tuned, err := OpenTuned(dir)
	if err != nil {
		t.Fatal(err)
	}
	if g := tuned.Goal.Goal.(*Sentiment); g.end || g.TooLong != Whole {
		t.Errorf("opened: %+v", g)
	}
}

// TestFormat: a model of the first format reads an end behind each text, as it was trained.
func TestFormat(t *testing.T) {
	for format, want := range map[int]bool{0: true, 2: false} {
		c := goalConfig{Format: format, Goal: sentimentGoal, Settings: []byte("{\"too_long\": \"drop\"}")}
		g, err := c.goal()
		if err != nil {
			t.Fatal(err)
		}
		if got := len(g.Segments(examples.Example{Text: "a"})) == 2; got != want {
			t.Errorf("format %d: an end is read: %v", format, got)
		}
	}
}

// TestShare: a share is the same part of each class, whatever else is there, and smaller ones are part of larger ones.
func TestShare(t *testing.T) {
	var set []examples.Example
	for i := range 230 {
		set = append(set, examples.Example{ID: fmt.Sprint(i), Labels: []string{[]string{"a", "a", "b"}[i%3]}})
	}
	ids := func(share float64, seed uint64) (ids []string) {
		classes := map[string]int{}
		for _, e := range shareOf(set, share, seed, true) {
			ids = append(ids, e.ID)
			classes[e.Labels[0]]++
		}
		if share == .1 && (classes["a"] != 16 || classes["b"] != 8) {
			t.Errorf("classes %v", classes)
		}
		return ids
	}
	if n := len(shareOf(set, .1, 1, false)); n != 23 {
		t.Errorf("%d of 230 without classes", n)
	}
	tenth, third := ids(.1, 1), ids(.3, 1)
	for _, id := range tenth {
		if !slices.Contains(third, id) {
			t.Errorf("%s is in the tenth and not in the third", id)
		}
	}
	if slices.Equal(tenth, ids(.1, 2)) || len(ids(1, 1)) != 230 {
		t.Error("the seed draws nothing, or not all is all")
	}
}
