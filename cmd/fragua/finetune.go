package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"fragua/finetune"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

func finetuneCommand() *cli.Command {
	return &cli.Command{
		Name:      "finetune",
		Usage:     "fine-tune a model on labelled texts or sentence pairs",
		ArgsUsage: "[CONFIG]",
		Description: `fragua finetune --model runs/books/base --data reviews.csv --text review --label stars
fragua finetune --model runs/books/base --data reviews.csv --text review --number stars
fragua finetune --model runs/books/base --data pairs.tsv --source en --target es
fragua finetune --model runs/books/base --data chats.jsonl              conversations: messages, ShareGPT, Alpaca
fragua finetune --data reviews.csv --text review --label stars          without a model: n-grams
fragua finetune mine.yaml
fragua finetune mine.yaml --grid lr=1e-4,3e-4 --grid seed=1,2,3         all combinations, in one table

Without CONFIG the flags say what to do; the configuration that they amount to is kept in the run's folder.`,
		Flags: append(append(runFlags(), finetuneFlags()...),
			&cli.StringSliceFlag{Name: "grid", Usage: "train with each of several values of a setting, and compare: `KEY=VALUE,VALUE`; several settings give all combinations"}),
		Action: finetuneAction,
	}
}

// finetuneFlags say what to do where there is no configuration.
func finetuneFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "model", Usage: "the pretrained model's `FOLDER`, or a run that holds one"},
		&cli.StringFlag{Name: "data", Usage: "a `FILE` (csv, tsv, jsonl, parquet), or a folder with a folder for each class"},
		&cli.StringFlag{Name: "text", Usage: "`COLUMN` of the text"},
		&cli.StringFlag{Name: "label", Usage: "`COLUMN` of its class: fine-tunes for sentiment"},
		&cli.StringFlag{Name: "number", Usage: "`COLUMN` of its number, such as stars: fine-tunes for regression"},
		&cli.StringFlag{Name: "source", Usage: "`COLUMN` of the sentence"},
		&cli.StringFlag{Name: "target", Usage: "`COLUMN` of its translation: fine-tunes for translation"},
		&cli.StringFlag{Name: "too-long", Usage: "what to do with what is longer than the context: error, drop, keep_start, keep_end, keep_ends"},
		&cli.StringFlag{Name: "strategy", Usage: "what answers: best (chosen on validation), finetuned, frozen, ngrams, finetuned+ngrams, frozen+ngrams"},
		&cli.IntFlag{Name: "epochs", Usage: "passes over the examples"},
		&cli.Float64Flag{Name: "lr", Usage: "peak learning rate"},
		&cli.IntFlag{Name: "batch", Usage: "examples a step"},
		&cli.Uint64Flag{Name: "seed", Usage: "seed of all that is drawn", Value: 1337},
	}
}

// finetuneJob is a configuration, or what the flags amount to.
func finetuneJob(c *cli.Context) (*job, error) {
	r, arg, out, err := finetuneRecipe(c)
	if err != nil {
		return nil, err
	}
	return r.job(c, arg, out)
}

// finetuneRecipe is the configuration's text, where it comes from, and where its run lies.
func finetuneRecipe(c *cli.Context) (r *recipe, arg, out string, err error) {
	if c.NArg() > 0 {
		for _, f := range []string{"model", "data", "text", "label", "number", "source", "target", "too-long", "strategy", "epochs", "lr", "batch", "seed"} {
			if c.IsSet(f) {
				return nil, "", "", fault.Hintf(usage("--%s stands beside a configuration, which says that itself", f), "leave one of them out, or use --set")
			}
		}
		if arg, err = oneArgument(c, "configuration"); err != nil {
			return nil, "", "", err
		}
		out = runDir(arg, c.String("out"))
		r, err = openRecipe(arg, out)
		return r, arg, out, err
	}
	q := finetune.Quick{
		Model: c.String("model"), Data: c.String("data"), Text: c.String("text"), Label: c.String("label"), Number: c.String("number"),
		Source: c.String("source"), Target: c.String("target"), TooLong: strings.ReplaceAll(c.String("too-long"), "-", "_"),
		Strategy: c.String("strategy"), Epochs: c.Int("epochs"), LR: c.Float64("lr"), Batch: c.Int("batch"), Seed: c.Uint64("seed"),
	}
	for _, path := range []*string{&q.Model, &q.Data} { // so that the configuration that is kept runs from anywhere
		if *path != "" && !strings.Contains(*path, "://") {
			if abs, err := filepath.Abs(*path); err == nil {
				*path = abs
			}
		}
	}
	src, decided, err := q.Config()
	if err != nil {
		return nil, "", "", err
	}
	if out = c.String("out"); out == "" {
		base := filepath.Base(q.Data)
		out = filepath.Join("runs", "finetune-"+strings.TrimSuffix(base, filepath.Ext(base)))
	}
	return &recipe{name: filepath.Base(out) + ".yaml", src: src, dir: ".", notes: decided}, "flags", out, nil
}

func finetuneAction(c *cli.Context) error {
	if c.IsSet("grid") {
		return gridAction(c)
	}
	job, err := finetuneJob(c)
	if err != nil {
		return err
	}
	if c.Bool("dry-run") {
		if c.NArg() == 0 {
			for _, n := range job.notes {
				fmt.Fprintln(c.App.Writer, n)
			}
		}
		return job.plan(c)
	}
	if c.NArg() > 0 {
		return job.run(c)
	}
	out := job.options.Out
	kept := store.Join(out, filepath.Base(out)+".yaml")
	text := fmt.Sprintf("# What the flags amounted to, --set included. The same again, from anywhere:\n#\n#   fragua finetune %s --out %s\n%s", quoted(kept), quoted(out), job.config.ResolvedYAML())
	if err := store.WriteFile(kept, func(w io.Writer) error { _, err := io.WriteString(w, text); return err }); err != nil {
		return err
	}
	return job.run(c)
}
