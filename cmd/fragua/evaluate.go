package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"fragua/finetune"
	"fragua/model/train"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/tokenize"
	"fragua/tokenize/blocks"
)

func evaluateCommand() *cli.Command {
	return &cli.Command{
		Name:      "evaluate",
		Usage:     "measure a model: on labelled texts, on sentence pairs, or on running text",
		ArgsUsage: "MODEL [BLOCKS]",
		Description: `fragua evaluate runs/quickstart/sentiment --data more.csv --text review --label stars
fragua evaluate runs/quickstart/translation --data pairs.tsv --source english --target spanish
fragua evaluate runs/quickstart/base runs/quickstart/blocks      bits per byte of the validation split
fragua evaluate base --task arc_easy.yaml --shots 5              multiple choice, in the layout of lm-evaluation-harness`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "data", Usage: "a `FILE` (csv, tsv, jsonl, parquet), all of which is answered"},
			&cli.StringFlag{Name: "text", Usage: "`COLUMN` of the text"},
			&cli.StringFlag{Name: "label", Usage: "`COLUMN` of its class"},
			&cli.StringFlag{Name: "source", Usage: "`COLUMN` of the sentence"},
			&cli.StringFlag{Name: "target", Usage: "`COLUMN` of its translation"},
			&cli.StringFlag{Name: "split", Value: "validation", Usage: "of the blocks: train, validation or test"},
			&cli.StringFlag{Name: "task", Usage: "a `FILE` of multiple choice in the layout of lm-evaluation-harness, with its rows in local files"},
			adapterFlag,
			&cli.IntFlag{Name: "shots", Usage: "examples before each question of the task (default: its num_fewshot)"},
			&cli.IntFlag{Name: "questions", Usage: "ask only the first `N` of the task; 0: all"},
			outFlag,
		}, machineFlags...),
		Action: evaluateAction,
	}
}

func evaluateAction(c *cli.Context) error {
	for _, flag := range []string{"adapter", "shots", "questions"} {
		if c.IsSet(flag) && c.String("task") == "" {
			return usage("--%s is for --task", flag)
		}
	}
	switch {
	case c.NArg() == 2 && c.String("data") == "":
		return evaluateBlocks(c)
	case c.NArg() == 1 && c.String("task") != "" && c.String("data") == "":
		return evaluateTask(c)
	case c.NArg() == 1 && c.String("data") != "" && c.String("task") == "":
	default:
		return fault.Hintf(usage("evaluate wants a model, and either blocks, --data or --task"), "%s", example(c.Command))
	}
	columns := ""
	for _, f := range []string{"text", "label", "source", "target"} {
		if v := c.String(f); v != "" {
			columns += fmt.Sprintf("\n      %s: %s", f, quoted(v))
		}
	}
	if columns == "" {
		return fault.Hintf(usage("which columns of %s?", c.String("data")), "--text and --label for classes, --source and --target for pairs")
	}
	src := fmt.Sprintf(`stages:
  - name: examples
    use: label
    with:
      data: [{table: {path: %s, split: test}}]%s
  - {name: answers, use: evaluate, from: {model: {path: %s}, examples: examples}}
`, quoted(c.String("data")), columns, quoted(c.Args().First()))
	out := c.String("out")
	if out == "" {
		base := filepath.Base(filepath.Clean(c.String("data")))
		out = filepath.Join("runs", "evaluate-"+strings.TrimSuffix(base, filepath.Ext(base)))
	}
	r := &recipe{name: filepath.Base(out) + ".yaml", src: []byte(src), dir: "."}
	job, err := r.job(c, "flags", out)
	if err != nil {
		return err
	}
	return job.run(c)
}

// evaluateTask asks a model the questions of a task.
func evaluateTask(c *cli.Context) error {
	if err := setMachine(c); err != nil {
		return err
	}
	task, err := finetune.OpenTask(c.String("task"))
	if err != nil {
		return err
	}
	shots := task.Shots
	if c.IsSet("shots") {
		shots = c.Int("shots")
	}
	if shots < 0 || c.Int("questions") < 0 {
		return usage("--shots and --questions are not below 0")
	}
	m, tok, err := openModel(c, c.Args().First())
	if err != nil {
		return err
	}
	s, err := task.Score(c.Context, m, tok, shots, c.Int("questions"))
	if err != nil {
		return err
	}
	for _, f := range s.Figures() {
		fmt.Fprintf(c.App.Writer, "%s %-8s %.4f ± %.4f (n = %d, %d-shot)\n", task.Name, f.Name, f.Value, f.PlusMinus, f.N, shots)
	}
	if s.Cut > 0 {
		fmt.Fprintf(c.App.Writer, "%s longer than the model's context lost their beginning\n", plural(s.Cut, "prompt"))
	}
	return nil
}

// quoted writes a text as YAML reads it whatever it holds.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always encodes
	}
	return string(b)
}

func evaluateBlocks(c *cli.Context) error {
	if err := setMachine(c); err != nil {
		return err
	}
	dir, blocksDir := c.Args().Get(0), c.Args().Get(1)
	m, err := pipeline.ReadManifest(blocksDir)
	if err != nil || m.Kind != pipeline.Blocks {
		return fault.Hintf(usage("%s holds no blocks", blocksDir), "give the folder of a pack stage, such as runs/quickstart/blocks")
	}
	for _, d := range []string{dir, blocksDir} {
		if err := verifyModel(c, d); err != nil {
			return err
		}
	}
	rows, err := blocks.OpenSplit(pipeline.Dir{Path: blocksDir, Manifest: m}, c.String("split"))
	if err != nil {
		return err
	}
	defer rows.Close()
	tok, err := tokenize.Load(filepath.Join(blocksDir, "tokenizer.json"))
	if err != nil {
		return err
	}
	scorer, err := train.OpenScorer(dir)
	if err != nil {
		return err
	}
	e, err := train.BitsPerByte(c.Context, scorer, rows, tok, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.App.Writer, "%.4f ± %.4f bits per byte, perplexity %.2f, on %s targets of %s\n", e.BitsPerByte(), e.PlusMinus(), e.Perplexity(), number(int64(e.Targets)), c.String("split"))
	return err
}
