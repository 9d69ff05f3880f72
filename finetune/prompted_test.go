package finetune

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"fragua/finetune/examples"
	"fragua/model"
	"fragua/pipeline"
	"fragua/tokenize"
)

// TestLikelihoods: what is read once for several choices and questions gives what each line gives
// alone.
func TestLikelihoods(t *testing.T) {
	tok, err := tokenize.Parse(byteTokenizer(t))
	if err != nil {
		t.Fatal(err)
	}
	lm, err := (&model.Llama{Layers: 2, Heads: 2, Width: 16, Theta: 10000}).Build(260, 24, 3)
	if err != nil {
		t.Fatal(err)
	}
	questions := []question{
		{"A dog is ", []string{"tame", "wild", "wily wolf"}},
		{"A dog says ", []string{"woof", "wo"}},
		{"A cat", []string{" purrs", "alogue"}},
		{strings.Repeat("long ", 8), []string{"road", "way"}},
		{"", []string{"alone"}},
	}
	got, cut, err := likelihoods(context.Background(), lm, tok, questions)
	if err != nil || cut != 1 {
		t.Fatal(cut, err)
	}
	for i, q := range questions {
		for k, choice := range q.choices {
			text := q.prompt + choice
			n := len(choice)
			if strings.HasSuffix(q.prompt, " ") {
				n++ // the space belongs to what follows
			}
			ids := []int32{}
			if q.prompt == "" {
				ids = append(ids, tok.EndOfText())
			}
			for _, c := range []byte(text) {
				ids = append(ids, int32(c))
			}
			if i == 3 { // 46 ids with "road", of which 25 are read or scored
				ids = ids[len("long ")*8+4-25:]
			}
			b := &model.Batch{B: 1, T: len(ids) - 1, IDs: ids[:len(ids)-1], Targets: slices.Clone(ids[1:])}
			for p := range len(ids) - 1 - n {
				b.Targets[p] = -1
			}
			want, err := model.Score(lm).Score(b)
			if err != nil || math.Abs(want[0]-got[i][k]) > 1e-3 {
				t.Errorf("%q + %q: %v, alone %v, %v", q.prompt, choice, got[i][k], want, err)
			}
		}
	}
	if _, _, err := likelihoods(context.Background(), lm, tok, []question{{"a", []string{strings.Repeat("x", 30)}}}); err == nil || !strings.Contains(err.Error(), "has 30 tokens, the context 24") {
		t.Error(err)
	}
}

// TestPrompted: a model is asked as the prompt says, stands beside what was fine-tuned, and
// answers the same when it is opened again.
func TestPrompted(t *testing.T) {
	set := moods(60)
	base, dir := baseModel(t, 96), examplesDir(t, set)
	f := tune(sentiment(KeepEnds))
	f.Strategy, f.Prompt = Prompted, Prompt{Template: "{text} is {label}", Shots: 2, Words: map[string]string{"bien": "good"}, Calibrate: true}
	out, _ := run(t, f, base, dir)
	m, err := pipeline.ReadMetrics(out)
	if err != nil {
		t.Fatal(err)
	}
	accuracy, beside := figure(t, m, "accuracy", examples.Test), figure(t, m, "accuracy", PromptedName+", 2 examples")
	if accuracy.Value != beside.Value {
		t.Errorf("as the answer %v, as a baseline %v", accuracy.Value, beside.Value)
	}
	tuned, err := OpenTuned(out)
	if err != nil {
		t.Fatal(err)
	}
	p := tuned.ensemble.members[0].(*prompted)
	if !strings.Contains(p.Before, " is good\n\n") || !slices.Contains(p.Words, "good") || len(p.Prior) != 2 {
		t.Errorf("%+v", p)
	}
	test := slices.DeleteFunc(slices.Clone(set), func(e examples.Example) bool { return e.Split != examples.Test })
	got, err := tuned.answer(context.Background(), test)
	right := 0
	for i, a := range got {
		if a.Got == test[i].Labels[0] {
			right++
		}
	}
	if err != nil || math.Abs(float64(right)/float64(len(test))-accuracy.Value) > 1e-9 {
		t.Errorf("%d of %d right, before %v; %v", right, len(test), accuracy.Value, err)
	}

	both := tune(sentiment(KeepEnds))
	both.Strategy, both.Prompt, both.Steps = Best, f.Prompt, 2
	out, _ = run(t, both, base, dir)
	if m, err = pipeline.ReadMetrics(out); err != nil {
		t.Fatal(err)
	}
	figure(t, m, "accuracy", PromptedName)
	figure(t, m, "validation log loss", string(Prompted))
	for want, change := range map[string]func(*Finetune){
		"needs a prompt":            func(f *Finetune) { f.Prompt = Prompt{} },
		`"x" is not one of the cla`: func(f *Finetune) { f.Prompt.Words = map[string]string{"x": "y"} },
	} {
		bad := tune(sentiment(KeepEnds))
		bad.Strategy, bad.Prompt = Prompted, f.Prompt
		change(bad)
		env := testEnv(t)
		env.In = map[string][]pipeline.Dir{"model": {base}, "examples": {dir}}
		if _, err := bad.do(context.Background(), env, pipeline.Task{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if faults := (&Prompt{Template: "{label} {text}", Shots: -1}).Check(); len(faults) != 2 {
		t.Errorf("%v", faults)
	}
}
