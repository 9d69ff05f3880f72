package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fragua/cmd/internal/trial"
	"fragua/configs"
	"fragua/model/kernel"
	"fragua/model/train"
	"fragua/pipeline"
	documents "fragua/pipeline/corpus"
	"fragua/tokenize"
	"fragua/tokenize/blocks"
)

// contest is the settings of `bench quality`.
type contest struct {
	books   []string
	bytes   int64 // of the books that take part
	tokens  int64 // that each network trains on; 0: minutes count
	minutes float64
	out     string
	python  string
	workers int
}

func contestOf(args []string) (q contest, err error) {
	flags := flag.NewFlagSet("quality", flag.ContinueOnError)
	flags.Int64Var(&q.bytes, "bytes", 0, "take books up to so many bytes, smaller ones first; 0: all")
	flags.Int64Var(&q.tokens, "tokens", 1_000_000, "ids that each network trains on: the same on a busy machine")
	flags.Float64Var(&q.minutes, "minutes", 0, "instead of tokens: how long each network trains")
	flags.StringVar(&q.out, "out", "", "folder for the runs, the table and the plot (default: a new temporary one)")
	flags.StringVar(&q.python, "python", "", "interpreter that has pyppmd, for the line of PPMd; none: that line is left out")
	flags.IntVar(&q.workers, "workers", 0, "cores that work; 0: all")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: bench quality [flags] BOOK.txt…   whole books are held out, so give ten or more")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return q, err
	}
	if q.books = flags.Args(); len(q.books) < 10 {
		return q, fmt.Errorf("%d books are too few: whole books are held out", len(q.books))
	}
	if q.minutes <= 0 && q.tokens < 1 {
		return q, errors.New("--tokens is at least 1")
	}
	return q, nil
}

// contestTable is the stages of the recipe.
var contestTable = pipeline.Table{
	"ingest":    func() pipeline.Stage { return documents.NewIngest() },
	"dedup":     func() pipeline.Stage { return documents.NewDedup() },
	"mix":       func() pipeline.Stage { return documents.NewMix() },
	"tokenizer": func() pipeline.Stage { return tokenize.NewLearn() },
	"pack":      func() pipeline.Stage { return blocks.NewPack() },
	"ngram":     func() pipeline.Stage { return train.NewNgram() },
	"mixture":   func() pipeline.Stage { return train.NewMixture() },
	"pretrain":  func() pipeline.Stage { return train.NewPretrain() },
}

type contestant struct {
	name string
	sets []string
	ids  int64 // of a step; 0: the recipe has a budget
}

// contestants are the embedded recipe, and what the default was before, for which the settings are
// changed.
var contestants = []contestant{
	{"recipe", nil, 0},
	{"old default", []string{"base.budget={}", "base.optimizer=muon", "bpe.vocab_size=16384", "base.arch={gpt: {layers: 4, width: 256, heads: 4}}", "base.batch=16", "base.lr=0.002",
		"base.schedule=cosine", "base.precision=f32"}, 16 * 256},
}

// A resultLine is one line of the table.
type resultLine struct {
	name             string
	bits, plusMinus  float64
	parameters, seen float64
	cpu              float64      // seconds of the processor
	curve            [][2]float64 // ids, bits per byte
}

func quality(ctx context.Context, args []string) error {
	q, err := contestOf(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if q.out == "" {
		if q.out, err = os.MkdirTemp("", "bench-quality-"); err != nil {
			return err
		}
	}
	library := filepath.Join(q.out, "books")
	held, err := q.choose(library)
	if err != nil {
		return err
	}
	recipe, err := fs.ReadFile(configs.Recipes(), "budget.yaml")
	if err != nil {
		return err
	}
	var lines []resultLine
	for i, c := range contestants {
		sets := append([]string{"corpus.sources[0].books.path=" + filepath.Join(library, "*.txt"), fmt.Sprintf("split.validation=%.3f", held)}, q.settings(c)...)
		if i > 0 {
			sets = append(sets, "base.baseline=0")
		}
		dir := filepath.Join(q.out, strings.ReplaceAll(c.name, " ", "-"))
		l, err := q.run(ctx, c.name, recipe, dir, sets, i == 0)
		if err != nil {
			return err
		}
		lines = append(lines, l...)
	}
	if q.python != "" {
		l, err := ppmd(ctx, q.python, filepath.Join(q.out, "recipe"), q.out)
		if err != nil {
			return err
		}
		lines = append(lines, l)
	}
	if err := plot(filepath.Join(q.out, "quality.svg"), lines); err != nil {
		return err
	}
	return table(os.Stdout, lines, q.out)
}

// settings are those of the recipe that a contestant changes, and how long it trains.
func (q contest) settings(c contestant) []string {
	length := ""
	switch {
	case c.ids == 0 && q.minutes > 0:
		length = fmt.Sprintf("base.budget={minutes: %g}", q.minutes)
	case c.ids == 0:
		length = fmt.Sprintf("base.budget={tokens: %d}", q.tokens)
	case q.minutes > 0:
		length = fmt.Sprintf("base.minutes=%g", q.minutes)
	default:
		length = fmt.Sprintf("base.steps=%d", max(1, q.tokens/c.ids))
	}
	return append(slices.Clone(c.sets), length)
}

// choose copies the books that take part, and returns the share of them to hold out: 2 %, or more of
// a small corpus.
func (q contest) choose(dir string) (held float64, err error) {
	type book struct {
		name string
		size int64
	}
	var books []book
	for _, name := range q.books {
		st, err := os.Stat(name)
		if err != nil {
			return 0, err
		}
		books = append(books, book{name, st.Size()})
	}
	slices.SortFunc(books, func(a, b book) int {
		return cmp.Or(cmp.Compare(a.size, b.size), strings.Compare(a.name, b.name))
	})
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return 0, err
	}
	sum := int64(0)
	for i, b := range books {
		if q.bytes > 0 && sum+b.size > q.bytes && i >= 10 {
			break
		}
		text, err := os.ReadFile(b.name)
		if err != nil {
			return 0, err
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d-%s", i, filepath.Base(b.name))), text, 0o666); err != nil {
			return 0, err
		}
		sum += b.size
	}
	return min(max(.02, 5e5/float64(sum)), .2), nil
}

// run runs the recipe, first what prepares the text, then the models. withGrams adds the lines of the
// n-gram model and of the mixture.
func (q contest) run(ctx context.Context, name string, recipe []byte, dir string, sets []string, withGrams bool) ([]resultLine, error) {
	c, err := pipeline.Parse("budget.yaml", recipe, ".", contestTable, sets)
	if err != nil {
		return nil, err
	}
	o := pipeline.Options{Out: dir, Workers: q.workers, CPU: kernel.Level(), Program: "bench quality", Observe: func(e pipeline.Event) {
		if e.Kind == pipeline.EventSay {
			fmt.Fprintf(os.Stderr, "%s: %s\n", name, e.Line)
		}
	}}
	only := func(stages ...string) (float64, error) {
		o.Only = stages
		before := trial.ProcessorTime()
		_, err := pipeline.Run(ctx, c, o)
		return (trial.ProcessorTime() - before).Seconds(), err
	}
	if _, err := only("corpus", "unique", "split", "bpe", "blocks"); err != nil {
		return nil, err
	}
	var lines []resultLine
	line := func(label, stage string, cpu float64) error {
		m, err := pipeline.ReadMetrics(filepath.Join(dir, stage))
		if err != nil {
			return err
		}
		l := resultLine{name: label, cpu: cpu}
		for _, f := range slices.Backward(m.Figures) { // the first of a name is the stage's own
			switch f.Name {
			case "bits per byte":
				l.bits, l.plusMinus = f.Value, f.PlusMinus
			case "parameters":
				l.parameters = f.Value
			case "tokens seen":
				l.seen = f.Value
			}
		}
		for _, curve := range m.Curves {
			if curve.Name == "validation" && len(curve.Points) > 0 {
				last := curve.Points[len(curve.Points)-1][0]
				for _, p := range curve.Points {
					l.curve = append(l.curve, [2]float64{p[0] / last * l.seen, p[1]})
				}
			}
		}
		lines = append(lines, l)
		return nil
	}
	cpu, err := only("base")
	if err != nil {
		return nil, err
	}
	if err := line(name, "base", cpu); err != nil || !withGrams {
		return lines, err
	}
	if cpu, err = only("grams"); err != nil {
		return nil, err
	}
	if err := line("n-gram model of order 5 (Kneser-Ney)", "grams", cpu); err != nil {
		return nil, err
	}
	if cpu, err = only("mixed"); err != nil {
		return nil, err
	}
	return lines, line("mixture of the two", "mixed", cpu)
}
