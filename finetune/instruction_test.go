package finetune

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fragua/finetune/examples"
	"fragua/model"
	"fragua/pipeline"
	"fragua/pipeline/settings"
	"fragua/tokenize"
	"fragua/tokenize/chat"
)

func talk(question, answer string) examples.Example {
	return examples.Example{ID: question, Text: question, Target: answer, Split: examples.Train,
		Messages: []chat.Message{{Role: chat.User, Content: question}, {Role: chat.Assistant, Content: answer}}}
}

func instruction(change func(*Instruction)) *Instruction {
	g := NewInstruction()
	g.TooLong = LongDrop
	if change != nil {
		change(g)
	}
	return g
}

// template writes a chat template into the folder of a model.
func template(t *testing.T, dir, source string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, chat.TemplateFile), []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
}

const turns = `{% for m in messages %}{{ m.role[0] + ':' + m.content + eos_token + '\n' }}{% endfor %}{% if add_generation_prompt %}a:{% endif %}`

// TestInstructionMasks: the answers and what ends them are learned, of all turns or of the last.
func TestInstructionMasks(t *testing.T) {
	base := baseModel(t, 64)
	template(t, base.Path, turns)
	e := talk("q", "yes")
	e.Messages = append(e.Messages, chat.Message{Role: chat.User, Content: "r"}, chat.Message{Role: chat.Assistant, Content: "no"})
	for learn, want := range map[Learn]string{
		LearnAll:  "u : q <|endoftext|> ⏎ a : [y] [e] [s] [<|endoftext|>] ⏎ u : r <|endoftext|> ⏎ a : [n] [o] [<|endoftext|>] ⏎",
		LearnLast: "u : q <|endoftext|> ⏎ a : y e s <|endoftext|> ⏎ u : r <|endoftext|> ⏎ a : [n] [o] [<|endoftext|>] ⏎",
	} {
		j, err := tune(instruction(func(g *Instruction) { g.Learn = learn })).prepare(base.Path, map[string][]examples.Example{examples.Train: {e}}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := j.preflight(1).Shown[0].String(); got != want {
			t.Errorf("%s: shown is %s\nwant %s", learn, got, want)
		}
		// What is read before an answer is what a chat with the model sends.
		prompts, err := j.tuned.prompts([]examples.Example{e})
		if ids := j.rows[0].ids; err != nil || !slices.Equal(prompts[0].ids, ids[:len(prompts[0].ids)]) || !j.rows[0].learn[len(prompts[0].ids)] {
			t.Errorf("the prompt is %v, the sequence %v, %v", prompts[0].ids, ids, err)
		}
	}
}

// TestInstructionRefused: where the model would learn nothing, not to stop, or of too little.
func TestInstructionRefused(t *testing.T) {
	long := strings.Repeat("x", 80)
	for want, c := range map[string]struct {
		template string
		set      []examples.Example
		change   func(*Instruction)
	}{
		"every target is masked":                {turns, []examples.Example{{ID: "1", Text: "q", Target: "a", Messages: []chat.Message{{Role: chat.User, Content: "q"}, {Role: chat.Assistant, Content: "a", Masked: true}}}}, nil},
		"the end of the answer is masked":       {`{% for m in messages %}{{ m.content + '\n' }}{% endfor %}`, []examples.Example{talk("q", "a")}, nil},
		"more than max_cut: 0.1 allows":         {turns, []examples.Example{talk("q", "a"), talk("r", long)}, nil},
		"tokens do not fit into 64":             {turns, []examples.Example{talk("q", "a"), talk("r", long)}, func(g *Instruction) { g.TooLong = LongError }},
		"example q: the chat template: only us": {`{{ raise_exception('only us') if messages[0].content == 'q' else messages[0].content ~ messages[1].content ~ eos_token }}`, []examples.Example{talk("q", "c")}, nil},
		"has no answer":                         {turns, []examples.Example{{ID: "1", Text: "q"}}, nil},
		"its chat template":                     {"{% for", []examples.Example{talk("q", "a")}, nil},
	} {
		base := baseModel(t, 64)
		template(t, base.Path, c.template)
		_, err := tune(instruction(c.change)).prepare(base.Path, map[string][]examples.Example{examples.Train: c.set}, 1)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// TestPackedLoss: loss(a) + loss(b) + … = loss(packed together), for every architecture with the
// same weights; positions start again in each document, and no document sees another.
func TestPackedLoss(t *testing.T) {
	g := instruction(nil)
	for name, arch := range map[string]interface {
		Build(vocab, context int, seed uint64) (model.LanguageModel, error)
	}{"gpt": &model.GPT{Layers: 2, Heads: 2, Width: 16}, "llama": &model.Llama{Layers: 2, Heads: 2, Width: 16, Theta: 10000}, "lstm": &model.LSTM{Layers: 1, Width: 16}} {
		lm, err := arch.Build(260, 64, 3)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var rows []sequence
		for i, n := range []int{9, 5, 14, 3, 20} {
			s := sequence{class: -1, row: i}
			for k := range n {
				s.ids, s.learn = append(s.ids, int32((7*i+3*k)%250)), append(s.learn, k == 0 || k > n/2)
			}
			rows = append(rows, s)
		}
		loss := func(rows ...sequence) (float64, int) {
			var b model.Batch
			g.Fill(&b, rows, 0)
			l := lm.Loss(nil, &b)
			return l.NLL, l.Targets
		}
		apart, targets := 0.0, 0
		for _, s := range rows {
			nll, n := loss(s)
			apart, targets = apart+nll, targets+n
		}
		packed := pack(rows, 60)
		together, n := loss(packed...)
		if len(packed) != 1 || n != targets || math.Abs(apart-together) > 1e-4*apart {
			t.Errorf("%s: apart %v of %d targets, packed into %d rows %v of %d", name, apart, targets, len(packed), together, n)
		}
	}
}

// TestPackedIsolation: what stands in document a changes not a bit of what is computed for b.
func TestPackedIsolation(t *testing.T) {
	lm, err := (&model.Llama{Layers: 2, Heads: 2, Width: 16, Theta: 10000}).Build(260, 64, 3)
	if err != nil {
		t.Fatal(err)
	}
	states := func(a string) []float32 {
		var rows []sequence
		for _, text := range []string{a, "the second one"} {
			s := sequence{class: -1}
			for _, c := range []byte(text) {
				s.ids, s.learn = append(s.ids, int32(c)), append(s.learn, true)
			}
			rows = append(rows, s)
		}
		var b model.Batch
		instruction(nil).Fill(&b, pack(rows, 60), 0)
		h := lm.Hidden(nil, &b)
		return slices.Clone(model.Logits(nil, lm, h).Data[len(a)*lm.Vocab():])
	}
	one, other := states("what stands first"), states("WHICH OTHER FIRST")
	for i := range one {
		if math.Float32bits(one[i]) != math.Float32bits(other[i]) {
			t.Fatalf("logit %d of the second document is %v or %v, as the first goes", i, one[i], other[i])
		}
	}
}

// TestPack: every sequence once, whole, in rows that hold no more than they may.
func TestPack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		room := rapid.IntRange(1, 40).Draw(t, "room")
		var rows []sequence
		for i, n := range rapid.SliceOfN(rapid.IntRange(1, 45), 1, 30).Draw(t, "lengths") {
			s := sequence{row: i}
			for k := range n {
				s.ids, s.learn = append(s.ids, int32(1000*i+k)), append(s.learn, k > 0)
			}
			rows = append(rows, s)
		}
		seen := map[int32]bool{}
		for _, p := range pack(rows, room) {
			if len(p.ids) > room && p.docs[len(p.docs)-1] != 0 {
				t.Fatalf("a row of %d ids, more than %d, holds several sequences", len(p.ids), room)
			}
			for k, id := range p.ids {
				if seen[id] || k > 0 && p.docs[k] == p.docs[k-1] && id != p.ids[k-1]+1 || p.learn[k] != (id%1000 > 0) {
					t.Fatalf("id %d at %d of %v", id, k, p.ids)
				}
				seen[id] = true
			}
		}
		total := 0
		for _, s := range rows {
			total += len(s.ids)
		}
		if len(seen) != total {
			t.Fatalf("%d ids of %d", len(seen), total)
		}
	})
}

// TestStraddling: an id that holds the end of what is read and the beginning of what is learned
// is read only.
func TestStraddling(t *testing.T) {
	if _, err := tokenize.Parse([]byte(strings.Replace(string(byteTokenizer(t)), `"merges":[]`, `"merges":["b c"]`, 1))); err == nil {
		t.Fatal("a merge without its token was read") // the vocabulary needs it
	}
	raw := strings.Replace(string(byteTokenizer(t)), `"merges":[]`, `"merges":["b c"]`, 1)
	raw = strings.Replace(raw, `"vocab":{`, `"vocab":{"bc":259,`, 1)
	tok, err := tokenize.Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	ids, learn, err := encoder{tok: tok}.whole([]Segment{{Text: "ab"}, {Text: "cd", Learn: true}, {Text: "e"}})
	if err != nil || !slices.Equal(ids, []int32{'a', 259, 'd', 'e'}) || !slices.Equal(learn, []bool{false, false, true, false}) {
		t.Errorf("%v %v %v", ids, learn, err)
	}
}

// TestInstruction trains on answers, packed and not, and opens what was saved.
func TestInstruction(t *testing.T) {
	var set []examples.Example
	for i := range 60 {
		e := talk(fmt.Sprint("say ", i%3), []string{"red", "blue", "tin"}[i%3])
		e.ID = fmt.Sprint(i)
		e.Split = [...]string{examples.Train, examples.Train, examples.Train, examples.Train, examples.Validation, examples.Test}[i%6]
		set = append(set, e)
	}
	own := filepath.Join(t.TempDir(), "mine.jinja")
	if err := os.WriteFile(own, []byte(turns), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, packed := range []bool{false, true} {
		f := tune(instruction(func(g *Instruction) {
			g.Pack, g.MaxTokens = packed, 8
			g.Template = settings.Path{Written: "mine.jinja", Abs: own}
		}))
		f.Epochs, f.Batch, f.LR = 60, 8, 5e-3
		if packed {
			f.Epochs, f.Batch = 120, 4
		}
		dir, _ := run(t, f, baseModel(t, 64), examplesDir(t, set))
		m, err := pipeline.ReadMetrics(dir)
		if err != nil {
			t.Fatal(err)
		}
		exact := figure(t, m, "exact match", examples.Test)
		if exact.Value < 0.9 {
			t.Errorf("packed %v: exact match %v", packed, exact.Value)
		}
		for _, name := range []string{MostFrequentName, UntrainedName} {
			if got := figure(t, m, "exact match", name); got.Value >= exact.Value {
				t.Errorf("%s: %v", name, got.Value)
			}
		}
		p, err := OpenPredictor(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Reply(context.Background(), "say 1"); err != nil || got != "blue" {
			t.Errorf("%q %v", got, err)
		}
		lm, err := model.OpenLanguageModel(dir)
		if err != nil || !slices.Contains(model.Ends(lm), 256) {
			t.Errorf("ends %v, %v", model.Ends(lm), err)
		}
		if c, err := chat.Source(dir); c != turns || err != nil {
			t.Errorf("%q %v", c, err)
		}
	}
}
