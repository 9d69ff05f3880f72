package train

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"

	"fragua/model"
	"fragua/model/kernel/par"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
	"fragua/tokenize"
)

// Generate is the stage that lets a model go on with prompts. It leaves
// samples-00000.parquet, with a row a sample, and metrics.json with the same
// texts.
type Generate struct {
	Prompts []string      `yaml:"prompts" doc:"What the texts begin with."`
	Samples int           `yaml:"samples" doc:"Texts for each prompt."`
	Tokens  int           `yaml:"tokens" doc:"Greatest number of ids that a text gets beyond its prompt."`
	Sampler model.Sampler `yaml:"sampler" doc:"How the next id is drawn."`
}

// NewGenerate returns the stage with its defaults.
func NewGenerate() *Generate {
	return &Generate{Samples: 1, Tokens: 100, Sampler: model.Sampler{Temperature: 0.8, TopP: 0.95}}
}

// Version implements pipeline.Stage.
func (*Generate) Version() int { return 3 }

// Inputs implements pipeline.Stage.
func (*Generate) Inputs() []pipeline.Input {
	return []pipeline.Input{{Name: "model", Kind: pipeline.Model}}
}

// Makes implements pipeline.Stage.
func (*Generate) Makes() pipeline.Kind { return pipeline.Predictions }

// Precision implements pipeline.FloatStage.
func (*Generate) Precision() string { return "f32" }

// Check implements settings.Checker.
func (g *Generate) Check() []fault.Fault {
	var f faults
	if len(g.Prompts) == 0 {
		f.add("prompts", "there is none", `write a list: prompts: ["The light", "The sea"]`)
	}
	for i, p := range g.Prompts {
		if p == "" {
			f.add(fmt.Sprintf("prompts[%d]", i), "it is empty, and a model begins with something", "write a word or two")
		}
	}
	f.atLeast("samples", float64(g.Samples), 1)
	f.atLeast("tokens", float64(g.Tokens), 1)
	f.of("sampler", g.Sampler.Check())
	return f
}

// Phases implements pipeline.Stage.
func (g *Generate) Phases() []pipeline.Phase {
	return []pipeline.Phase{{Name: "generate", Exclusive: true, Tasks: pipeline.Single("samples"), Do: g.do}}
}

// generated is a row of the samples: a row of predictions without truth.
type generated struct {
	ID    string    `parquet:"id"`
	Input string    `parquet:"input,zstd"`
	Want  string    `parquet:"want"`
	Got   string    `parquet:"got"`
	Probs []float32 `parquet:"probs,list"`
}

func (g *Generate) do(ctx context.Context, env *pipeline.Env, _ pipeline.Task) (counts pipeline.Counts, err error) {
	if err := level(env); err != nil {
		return counts, err
	}
	par.SetWorkers(env.Workers)
	dir := env.One("model")
	lm, err := OpenGenerator(dir.Path)
	if err != nil {
		return counts, err
	}
	tok, err := tokenize.Load(dir.File(tokenizerFile))
	if err != nil {
		return counts, err
	}
	if tok.VocabSize() != lm.Vocab() {
		return counts, fmt.Errorf("%s: the model has %d ids, its tokenizer %d", dir.Path, lm.Vocab(), tok.VocabSize())
	}
	env.Progress.Expect(int64(len(g.Prompts)*g.Samples), "samples")
	var m pipeline.Metrics
	written, err := shard.Write(filepath.Join(env.Out, "samples-00000.parquet"), g.rows(ctx, env, lm, tok, &m))
	if err != nil {
		return counts, err
	}
	counts.Read, counts.Kept = written.Rows, written.Rows
	counts.Shards = append(counts.Shards, written)
	return counts, pipeline.WriteMetrics(env.Out, m)
}

func (g *Generate) rows(ctx context.Context, env *pipeline.Env, lm model.Generator, tok *tokenize.Tokenizer, m *pipeline.Metrics) iter.Seq2[generated, error] {
	return func(yield func(generated, error) bool) {
		for i, prompt := range g.Prompts {
			for j := range g.Samples {
				n := i*g.Samples + j
				s := g.Sampler
				s.Seed ^= env.Seed + uint64(n)
				text, err := continueText(ctx, lm, tok, prompt, g.Tokens, s)
				if err != nil {
					yield(generated{}, fmt.Errorf("prompt %d: %w", i, err))
					return
				}
				env.Progress.Advance(1)
				env.Progress.Say(oneLine(text))
				m.Samples = append(m.Samples, pipeline.Sample{Title: prompt, Text: text})
				if !yield(generated{ID: fmt.Sprintf("%05d-%03d", i, j), Input: prompt, Got: text}, nil) {
					return
				}
			}
		}
	}
}
