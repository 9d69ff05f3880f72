package finetune

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fragua/finetune/examples"
	"fragua/model"
	"fragua/model/kernel/par"
	"fragua/pipeline"
)

// Interrupted and resumed training ends in the bytes of an uninterrupted one, with one worker or
// four, whatever the goal and whichever weights learn: every file of the model is the same.
func TestResumeAndWorkers(t *testing.T) {
	labelled := func(n int, label func(i int, mood string) []string) (set []examples.Example) {
		for i, e := range moods(n) {
			e.Labels = label(i, e.Labels[0])
			set = append(set, e)
		}
		return set
	}
	var talks []examples.Example
	for i := range 40 {
		e := talk(fmt.Sprintf("q%d", i), strings.Repeat("ab", 1+i%3))
		e.Split = examples.Splits[i%10/8]
		talks = append(talks, e)
	}
	for name, c := range map[string]struct {
		set  []examples.Example
		tune func() *Finetune
	}{
		"sentiment": {moods(200), func() *Finetune { return tune(sentiment(KeepEnds)) }},
		"labels": {labelled(120, func(i int, mood string) []string { return []string{mood, "every", "third"}[:2+i%2] }), func() *Finetune {
			g := NewLabels()
			g.TooLong = KeepEnds
			return tune(g)
		}},
		"regression": {labelled(120, func(i int, mood string) []string { return []string{fmt.Sprint(len(mood) + i%3)} }), func() *Finetune {
			g := NewRegression()
			g.TooLong = KeepEnds
			return tune(g)
		}},
		"instruction": {talks, func() *Finetune {
			f := tune(instruction(func(g *Instruction) { g.Pack = true }))
			f.Batch = 4
			lora := model.NewLoRA()
			lora.Dropout = 0.1
			f.Adapt.Choose("lora", lora)
			return f
		}},
	} {
		t.Run(name, func(t *testing.T) {
			base, set := baseModel(t, 32), examplesDir(t, c.set)
			if name == "instruction" {
				template(t, base.Path, turns)
			}
			f := func() *Finetune {
				f := c.tune()
				f.Epochs, f.Evaluate = 2, 5
				return f
			}
			whole, _ := run(t, f(), base, set)
			par.SetWorkers(4)
			defer par.SetWorkers(0)
			env := testEnv(t)
			env.In = map[string][]pipeline.Dir{"model": {base}, "examples": {set}}
			for cuts := 0; ; cuts++ {
				ctx, cancel := context.WithCancel(context.Background())
				env.Progress = &cutter{left: 3, cancel: cancel}
				_, err := f().do(ctx, env, pipeline.Task{})
				cancel()
				if err == nil {
					if cuts < 2 {
						t.Fatalf("cut only %d times", cuts)
					}
					break
				}
				if !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				if cuts > 30 {
					t.Fatal("it does not go on")
				}
			}
			files := 0
			err := filepath.WalkDir(whole, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				files++
				rel, _ := filepath.Rel(whole, path)
				a, _ := os.ReadFile(path)
				if b, err := os.ReadFile(filepath.Join(env.Out, rel)); err != nil || !bytes.Equal(a, b) {
					t.Errorf("%s differs; %v", rel, err)
				}
				return nil
			})
			if err != nil || files < 4 {
				t.Errorf("%d files; %v", files, err)
			}
		})
	}
}

// cutter cancels after this many steps.
type cutter struct {
	quiet
	left   int
	cancel func()
	first  bool
}

func (c *cutter) Advance(n int64) {
	if !c.first { // catching up with an earlier attempt
		c.first = true
		return
	}
	if c.left--; c.left == 0 {
		c.cancel()
	}
}
