package main

import (
	"context"
	"io"
	"slices"
	"testing"

	"fragua/model"
	"fragua/tokenize"
)

// A listener is a model that always draws one id, and notes what it is fed.
type listener struct {
	vocab int
	draws int32
	fed   []int32
}

func (l *listener) Context() int           { return 64 }
func (l *listener) Vocab() int             { return l.vocab }
func (l *listener) Decoder() model.Decoder { l.fed = nil; return l }
func (l *listener) Select([]int)           {}

func (l *listener) Feed(ids [][]int32) []float32 {
	l.fed = append(l.fed, ids[0]...)
	logits := make([]float32, l.vocab)
	logits[l.draws] = 1
	return logits
}

// TestATalkIsRemembered: before the second answer the model has been fed both prompts and its first
// answer, the id drawn last as well, each once.
func TestATalkIsRemembered(t *testing.T) {
	learn := tokenize.NewLearn()
	learn.VocabSize = 300
	learned, err := learn.Words(context.Background(), map[string]int64{"ab": 1})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := learned.Tokenizer(0)
	if err != nil {
		t.Fatal(err)
	}
	ids := func(text string) []int32 {
		ids, err := tok.AppendIDs(nil, text)
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	x := ids("x")[0]
	l := &listener{vocab: tok.VocabSize(), draws: x}
	talk := &talk{m: l, tok: tok}
	say := func(prompt string, n int) {
		t.Helper()
		if err := talk.say(context.Background(), io.Discard, prompt, n, model.Sampler{}); err != nil {
			t.Fatal(err)
		}
	}
	say("ab", 3)
	say("cd", 1)
	if want := slices.Concat(ids("ab"), []int32{x, x, x}, ids("\ncd")); !slices.Equal(l.fed, want) {
		t.Errorf("fed %v, want %v", l.fed, want)
	}
	l.draws = tok.EndOfText() // the model ends its text: all of it was fed
	say("ef", 5)
	l.draws = x
	say("gh", 1)
	if want := slices.Concat(ids("ab"), []int32{x, x, x}, ids("\ncd"), []int32{x}, ids("\nef"), ids("\ngh")); !slices.Equal(l.fed, want) {
		t.Errorf("fed %v, want %v", l.fed, want)
	}
}
