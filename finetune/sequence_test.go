package finetune

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"fragua/finetune/examples"
	"fragua/model"
	"fragua/model/train"
	"fragua/pipeline/fault"
	"fragua/tokenize"
)

// What is masked and what is learned: the target and its end, nothing else.
func TestMasks(t *testing.T) {
	tok, err := tokenize.Parse(byteTokenizer(t))
	if err != nil {
		t.Fatal(err)
	}
	g := translation()
	enc := encoder{tok: tok, context: 16, long: LongError}
	var tally lengths
	e := examples.Example{Text: "ab", Target: "c"}
	s, err := enc.encode(g.Segments(e), &tally)
	if err != nil {
		t.Fatal(err)
	}
	end, sep := int32(256), int32(258)
	if want := []int32{'a', 'b', sep, 'c', end}; !slices.Equal(s.ids, want) {
		t.Errorf("ids %v, want %v", s.ids, want)
	}
	var b model.Batch
	long, _ := enc.encode(g.Segments(examples.Example{Text: "abc", Target: "de"}), &tally)
	g.Fill(&b, []sequence{s, long}, 0)
	if want := []int32{-1, -1, 'c', end, -1, -1, -1, -1, -1, 'd', 'e', end}; !slices.Equal(b.Targets, want) {
		t.Errorf("targets %v, want %v", b.Targets, want)
	}
	if want := []int32{0, 0, 0, 0, -1, -1, 0, 0, 0, 0, 0, 0}; !slices.Equal(b.Docs, want) {
		t.Errorf("docs %v, want %v", b.Docs, want)
	}
	e = examples.Example{Text: "a b", Target: "c"}
	s, err = enc.encode(g.Segments(e), &tally)
	j := &job{tuned: &Tuned{Tokenizer: tok}, sets: map[string][]examples.Example{examples.Train: {e}}}
	if got, want := j.show(s).String(), "a · b <|translate|> [c] [<|endoftext|>]"; got != want || err != nil {
		t.Errorf("shown %q %v, want %q", got, err, want)
	}
}

// loss(a) + loss(b) = loss(a and b in one batch), for both goals: padding
// changes nothing.
func TestLossesAddUp(t *testing.T) {
	base := baseModel(t, 32)
	for _, c := range []struct {
		goal Goal
		a, b examples.Example
	}{
		{translation(), examples.Example{Text: "ab", Target: "c"}, examples.Example{Text: "abcdefg", Target: "xyzuv"}},
		{sentiment(LongError), examples.Example{Text: "ab", Labels: []string{"x"}}, examples.Example{Text: "abcdefgh", Labels: []string{"y"}}},
		{&Sentiment{Pool: PoolConcat, TooLong: LongError}, examples.Example{Text: "ab", Labels: []string{"x"}}, examples.Example{Text: "abcdefgh", Labels: []string{"y"}}},
	} {
		lm, tok, err := openBase(base.Path, "")
		if err != nil {
			t.Fatal(err)
		}
		set := []examples.Example{c.a, c.b}
		classes, err := c.goal.Classes(set)
		if err != nil {
			t.Fatal(err)
		}
		m, err := c.goal.Build(lm, classes, set, 1)
		if err != nil {
			t.Fatal(err)
		}
		rows, _, err := encodeAll(encoder{tok: tok, context: 32, long: c.goal.Long()}, c.goal, set, classes)
		if err != nil {
			t.Fatal(err)
		}
		loss := func(rows ...sequence) float64 {
			var b model.Batch
			c.goal.Fill(&b, rows, len(classes))
			return m.Loss(nil, &b).NLL
		}
		apart, together := loss(rows[0])+loss(rows[1]), loss(rows...)
		if math.Abs(apart-together) > 1e-4 || math.IsNaN(together) {
			t.Errorf("%s: apart %v, together %v", goalName(c.goal), apart, together)
		}
	}
}

func TestTooLong(t *testing.T) {
	tok, err := tokenize.Parse(byteTokenizer(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		long TooLong
		want string
	}{{KeepStart, "abcd"}, {KeepEnd, "efgh"}, {KeepEnds, "abgh"}, {LongDrop, ""}} {
		var tally lengths
		enc := encoder{tok: tok, context: 4, long: c.long}
		s, err := enc.encode(sentiment(c.long).Segments(examples.Example{Text: "abcdefgh"}), &tally)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if s.ids != nil {
			if got = tok.Decode(s.ids); len(s.learn) != len(s.ids) {
				t.Errorf("%s: %d ids, %d of them learned or not", c.long, len(s.ids), len(s.learn))
			}
		}
		if got != c.want || tally.Longest != 8 || tally.Cut+tally.Dropped != 1 {
			t.Errorf("%s: %q, want %q; %+v", c.long, got, c.want, tally)
		}
	}
	var tally lengths
	enc := encoder{tok: tok, context: 5, long: LongError}
	_, err = enc.encode(sentiment(LongError).Segments(examples.Example{Text: "abcdefgh"}), &tally)
	var hint *fault.Hint
	if err == nil || !strings.Contains(err.Error(), "8 tokens do not fit into 5") || !errors.As(err, &hint) {
		t.Errorf("error %v", err)
	}
	// The last id of a pair is predicted and not read: 6 ids fit a context of 5.
	enc.long = LongDrop
	if s, _ := enc.encode(translation().Segments(examples.Example{Text: "ab", Target: "cd"}), &tally); len(s.ids) != 6 {
		t.Errorf("a pair that just fits has %d ids", len(s.ids))
	}
	if s, _ := enc.encode(translation().Segments(examples.Example{Text: "abc", Target: "cd"}), &tally); s.ids != nil {
		t.Errorf("a pair that does not fit has %d ids", len(s.ids))
	}
}

// Every epoch has every row once, and batch n does not depend on those before.
func TestBatches(t *testing.T) {
	var rows []sequence
	for i := range 53 {
		rows = append(rows, sequence{ids: make([]int32, 2+i%7), learn: make([]bool, 2+i%7), class: i % 2, row: i})
		rows[i].ids[0] = int32(i)
	}
	fresh := func() *batches { return &batches{rows: rows, size: 8, seed: 9, classes: 2, goal: sentiment(LongError)} }
	s := fresh()
	if s.perEpoch() != 7 {
		t.Fatalf("%d batches an epoch", s.perEpoch())
	}
	var first []int32
	for epoch := range int64(2) {
		seen := map[int32]bool{}
		var order []int32
		for i := range s.perEpoch() {
			var b, again model.Batch
			if err := s.Batch(epoch*7+i, &b); err != nil {
				t.Fatal(err)
			}
			fresh().Batch(epoch*7+i, &again)
			if !slices.Equal(b.IDs, again.IDs) || !slices.Equal(b.Labels, again.Labels) {
				t.Fatalf("batch %d depends on what came before", i)
			}
			for r := range b.B {
				seen[b.IDs[r*b.T]] = true
				order = append(order, b.IDs[r*b.T])
			}
		}
		if len(seen) != 53 || len(order) != 53 {
			t.Errorf("epoch %d has %d rows", epoch, len(order))
		}
		if epoch == 1 && slices.Equal(first, order) {
			t.Error("both epochs have one order")
		}
		first = order
	}
}

func TestRates(t *testing.T) {
	f := tune(translation())
	f.LR, f.LayerDecay, f.Unfreeze, f.Schedule, f.Freeze = 1, 2, UnfreezeGradual, train.Scheduling("constant"), 1
	f.Warmup = 0
	rate := f.rate(100, 10, 3)
	for _, c := range []struct {
		step  int64
		group int
		want  float64
	}{{0, 3, 1}, {0, 2, 0}, {10, 2, 0.5}, {10, 1, 0}, {20, 1, 0.25}, {99, 0, 0}} {
		if got := rate(c.step, c.group); got != c.want {
			t.Errorf("step %d, group %d: %v, want %v", c.step, c.group, got, c.want)
		}
	}
}
