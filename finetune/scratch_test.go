package finetune

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fragua/finetune/examples"
	"fragua/model"
	"fragua/pipeline"
)

// TestFromScratch trains encoder–decoders by YAML on sentences that are to be written backward,
// until they can; then fine-tunes one, as a model for one domain is made from a general one.
func TestFromScratch(t *testing.T) {
	tokenizerJSON = byteTokenizer(t)
	dir := t.TempDir()
	var tsv strings.Builder
	for i, e := range mirrors(60) {
		fmt.Fprintf(&tsv, "%s%d\t%s%d\n", e.Text, i, e.Target, i)
	}
	file(t, dir, "pares.tsv", []byte(tsv.String()))
	yaml := `
stages:
  - {name: bpe, use: bytes}
  - name: pairs
    use: label
    with: {data: [{table: {path: pares.tsv}}], source: 1, target: 2, split: {validation: 0.1, test: 0.1}}
  - name: pre
    use: finetune
    from: {tokenizer: bpe, examples: pairs}
    with:
      goal: {translation: {too_long: drop, search: {beams: 2}}}
      arch: {encdec: {encoder: 2, decoder: 1, width: 32, heads: 2, dropout: 0}}
      context: 32
      epochs: 2
      batch_tokens: 200
      optimizer: muon
      lr: 0.01
      ema: 0.9
      stop: {metric: chrF2}
  - name: post
    use: finetune
    from: [bpe, pairs]
    with:
      goal: {translation: {too_long: drop}}
      arch: {encdec: {encoder: 1, decoder: 1, width: 32, heads: 2, norm: post}}
      context: 32
      epochs: 1
      batch: 8
      accumulate: 2
  - name: student
    use: finetune
    from: {tokenizer: bpe, examples: pairs}
    with:
      goal: {translation: {too_long: drop, noise: {typos: 0.5, upper: 0.2}, shortlist: {best: 20, frequent: 5}, search: {no_repeat: 4, coverage: 0.1}}}
      arch: {encdec: {encoder: 2, decoder: 1, width: 32, heads: 2, cell: ssru}}
      context: 32
      epochs: 1
      weights: int8
  - {name: back, use: finetune, from: {tokenizer: bpe, examples: pairs}, with: {goal: {translation: {too_long: drop, reverse: true}}, arch: {encdec: {encoder: 1, decoder: 1, width: 32, heads: 2}}, context: 32, epochs: 1}}
  - {name: taught, use: translate, from: {model: pre, examples: pairs}, with: {beams: 1}}
  - {name: monolingual, use: translate, from: {model: back, examples: pairs}, with: {writes: source, tag: <BT>}}
  - {name: both, use: finetune, from: {tokenizer: bpe, examples: [pairs, monolingual]}, with: {goal: {translation: {too_long: drop}}, arch: {encdec: {encoder: 1, decoder: 1, width: 32, heads: 2}}, context: 64, epochs: 1}}
  - {name: domain, use: finetune, from: [pre, pairs], with: {goal: {translation: {too_long: drop}}, epochs: 1}}
  - {name: judged, use: evaluate, from: [domain, pairs]}
`
	c, err := pipeline.Parse("scratch.yaml", []byte(yaml), dir, stages(), nil)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "run")
	if _, err := pipeline.Run(context.Background(), c, pipeline.Options{Out: out, Workers: 2}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pre", "post", "student", "domain"} {
		p, err := OpenPredictor(filepath.Join(out, name))
		if err != nil {
			t.Fatal(name, err)
		}
		if _, ok := p.tuned.LM.(model.Seq2Seq); !ok {
			t.Errorf("%s is a %T", name, p.tuned.LM)
		}
		if _, err := p.Reply(context.Background(), "abc"); err != nil {
			t.Error(name, err)
		}
	}
	small, large := size(t, out, "student"), size(t, out, "pre")
	if small > large*2/5 {
		t.Errorf("int8 takes %d bytes, float32 %d", small, large)
	}
	student, err := OpenTuned(filepath.Join(out, "student"))
	if err != nil {
		t.Fatal(err)
	}
	if student.shortlist == nil || !model.Quantized(student.LM) {
		t.Error("the student has no shortlist or is not in int8")
	}
	if _, err := tune(translation()).prepare(filepath.Join(out, "student"), map[string][]examples.Example{examples.Train: mirrors(8)}, 1); err == nil || !strings.Contains(err.Error(), "int8") {
		t.Errorf("a model in int8 was fine-tuned: %v", err)
	}
	madePairs(t, out)
	for want, change := range map[string]string{
		"pairs-only goal": `goal: {sentiment: {too_long: drop}}`,
		"no context":      "epochs: 2",
	} {
		wrong := strings.Replace(yaml, map[string]string{"pairs-only goal": "goal: {translation: {too_long: drop, search: {beams: 2}}}", "no context": "context: 32\n      epochs: 2"}[want], change, 1)
		if _, err := pipeline.Parse("scratch.yaml", []byte(wrong), dir, stages(), nil); err == nil {
			t.Errorf("%s was accepted", want)
		}
	}
	if _, err := pipeline.Parse("scratch.yaml", []byte(strings.Replace(yaml, "from: {tokenizer: bpe, examples: pairs}", "from: {model: bpe, examples: pairs}", 1)), dir, stages(), nil); err == nil {
		t.Error("a model for an arch that is built was accepted")
	}
}

// madePairs checks what models made of the pairs: the side that they wrote and the other, of train
// alone.
func madePairs(t *testing.T, out string) {
	read := func(stage string) map[string][]examples.Example {
		m, err := pipeline.ReadManifest(filepath.Join(out, stage))
		if err != nil {
			t.Fatal(err)
		}
		sets, err := examples.Read([]pipeline.Dir{{Path: filepath.Join(out, stage), Manifest: m}})
		if err != nil {
			t.Fatal(err)
		}
		return sets
	}
	pairs, taught, back := read("pairs"), read("taught"), read("monolingual")
	whole := map[string]examples.Example{}
	for _, e := range pairs[examples.Train] {
		whole[e.ID] = e
	}
	if n := len(taught[examples.Train]); n == 0 || n > len(whole) {
		t.Errorf("of %d pairs the teacher made %d", len(whole), n)
	}
	for _, e := range taught[examples.Train] {
		if e.Text != whole[strings.TrimSuffix(e.ID, "-translated")].Text {
			t.Errorf("the teacher changed a source: %+v", e)
		}
	}
	for _, e := range back[examples.Train] {
		if e.Target != whole[strings.TrimSuffix(e.ID, "-translated")].Target || !strings.HasPrefix(e.Text, "<BT> ") {
			t.Errorf("back-translation changed a target, or has no tag: %+v", e)
		}
	}
	for _, split := range []string{examples.Validation, examples.Test} {
		if !reflect.DeepEqual(taught[split], pairs[split]) || !reflect.DeepEqual(back[split], pairs[split]) {
			t.Errorf("%s is not what people wrote", split)
		}
	}
}

func size(t *testing.T, out, stage string) int64 {
	info, err := os.Stat(filepath.Join(out, stage, model.WeightsFile))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestReversesWhatItReads: an encoder–decoder learns eight pairs by heart through the stage's own
// batches, and its translations are what it learned.
func TestReversesWhatItReads(t *testing.T) {
	tokenizerJSON = byteTokenizer(t)
	dir := file(t, t.TempDir(), tokenizerFile, tokenizerJSON)
	f := tune(translation())
	f.Arch.Choose("encdec", &model.EncDec{Encoder: 1, Decoder: 1, Heads: 2, Width: 32, Norm: model.PreNorm})
	f.Context, f.Steps, f.LR, f.Tokens = 16, 500, 3e-3, 200
	set := mirrors(8)
	j, err := f.prepare(filepath.Dir(dir.Abs), map[string][]examples.Example{examples.Train: set}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.train(context.Background(), &pipeline.Env{Progress: quiet{}, Scratch: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	got, err := j.tuned.answer(context.Background(), set)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range set {
		if got[i].Got != e.Target {
			t.Errorf("%q → %q, learned %q", e.Text, got[i].Got, e.Target)
		}
	}
}

// TestTokenBatches: every epoch has all rows once, in as many batches, none of them too large;
// and a batch depends on its number alone.
func TestTokenBatches(t *testing.T) {
	var rows []sequence
	for i := range 100 {
		rows = append(rows, sequence{ids: make([]int32, 1+i*7%11), source: make([]int32, 1+i*5%13), row: i})
	}
	see := &batchLog{}
	s := &batches{rows: rows, tokens: 90, seed: 3, goal: see}
	per := s.perEpoch()
	for n := range 2 * per {
		if err := s.Batch(n, new(model.Batch)); err != nil {
			t.Fatal(err)
		}
	}
	for epoch := range 2 {
		seen := map[int]bool{}
		for _, batch := range see.batches[epoch*int(per) : (epoch+1)*int(per)] {
			ids, source := 0, 0
			for _, r := range batch {
				seen[r.row] = true
				ids, source = max(ids, len(r.ids)), max(source, len(r.source))
			}
			if n := len(batch) * (ids + source); n > 90 {
				t.Errorf("a batch of %d tokens", n)
			}
		}
		if len(seen) != len(rows) {
			t.Errorf("epoch %d has %d rows of %d", epoch, len(seen), len(rows))
		}
	}
	again := &batchLog{}
	s = &batches{rows: rows, tokens: 90, seed: 3, goal: again}
	if err := s.Batch(per+1, nil); err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(again.batches[0], see.batches[per+1], func(a, b sequence) bool { return a.row == b.row }) {
		t.Error("the same batch holds other rows when it is asked for alone")
	}
}

type batchLog struct{ batches [][]sequence }

func (l *batchLog) Fill(_ *model.Batch, rows []sequence, _ int) {
	l.batches = append(l.batches, slices.Clone(rows))
}
