package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"fragua/finetune"
	"fragua/pipeline"
	"fragua/pipeline/fault"
)

func labelCommand() *cli.Command {
	return &cli.Command{
		Name:  "label",
		Usage: "look at what a fine-tuning would learn",
		Subcommands: []*cli.Command{{
			Name:      "preview",
			Usage:     "show training examples as the model reads them, and which of their tokens are learned",
			ArgsUsage: "[CONFIG]",
			Description: `fragua label preview mine.yaml
fragua label preview mine.yaml --stage judge --rows 10
fragua label preview --model base --data chats.jsonl

Labels the examples if they are not at hand, and trains nothing. It fails where the training would: if of an
example nothing is learned, if the end of an answer is masked, or if too many are too long.`,
			Flags: append(append(finetuneFlags(), setFlag, outFlag, noVerifyFlag),
				&cli.StringFlag{Name: "stage", Usage: "`NAME` of the finetune stage, where there are several"},
				&cli.IntFlag{Name: "rows", Value: 5, Usage: "how many training examples"},
				&cli.BoolFlag{Name: "plain", Usage: "brackets instead of colours"},
			),
			Action: previewAction,
		}},
	}
}

func previewAction(c *cli.Context) error {
	job, err := finetuneJob(c)
	if err != nil {
		return err
	}
	if n := c.Int("rows"); n < 0 {
		return usage("--rows is %d, but a number from 0 is wanted", n)
	}
	entry, err := finetuneStage(job.config, c.String("stage"))
	if err != nil {
		return err
	}
	options := job.options
	for _, e := range job.config.Stages {
		if e.Use == "label" && slices.Contains(sourceNames(entry), e.Name) {
			options.Only = append(options.Only, e.Name)
		}
	}
	if len(options.Only) > 0 {
		if _, err := pipeline.Run(c.Context, job.config, options); err != nil {
			return err
		}
	}
	env, err := pipeline.OpenStage(c.Context, job.config, job.options, entry.Name)
	if err != nil {
		return err
	}
	p, err := entry.With.(*finetune.Finetune).Preflight(env, c.Int("rows"))
	if err != nil {
		return err
	}
	w := c.App.Writer
	coloured := !c.Bool("plain") && term.IsTerminal(int(os.Stdout.Fd()))
	if coloured {
		w = colourWriter(w)
	}
	for _, line := range p.Lines() {
		fmt.Fprintln(w, line)
	}
	for _, s := range p.Shown {
		fmt.Fprintln(w)
		writeShown(w, s, coloured)
	}
	return nil
}

// finetuneStage is the stage of that name, or the only one that fine-tunes.
func finetuneStage(c *pipeline.Config, name string) (*pipeline.Entry, error) {
	var found []string
	for _, e := range c.Stages {
		if _, ok := e.With.(*finetune.Finetune); ok && (name == "" || e.Name == name) {
			found = append(found, e.Name)
		}
	}
	switch {
	case len(found) == 1:
		return c.Entry(found[0]), nil
	case name != "":
		return nil, fault.Hintf(usage("--stage: no finetune stage is named %q", name), "%s", fault.DidYouMean(name, "stages", c.Names()))
	case len(found) == 0:
		return nil, usage("%s has no finetune stage", c.Name)
	}
	return nil, fault.Hintf(usage("%s has several finetune stages", c.Name), "--stage %s", strings.Join(found, ", or "))
}

// sourceNames are the stages that a stage reads.
func sourceNames(e *pipeline.Entry) (names []string) {
	for _, from := range e.From {
		names = append(names, from...)
	}
	return names
}

// writeShown writes an example: what is learned in bold green, what is only read dimmed; or as its
// String, with brackets.
func writeShown(w io.Writer, s finetune.Shown, coloured bool) {
	if !coloured {
		fmt.Fprintf(w, "%s: %s\n", s.ID, s)
		return
	}
	fmt.Fprintf(w, "%s:", s.ID)
	paint := func(text string, learn bool) {
		style := "2"
		if learn {
			style = "1;32"
		}
		fmt.Fprintf(w, " \x1b[%sm%s\x1b[0m", style, fault.Printable(text))
	}
	for _, t := range s.Tokens {
		paint(t.Text, t.Learn)
	}
	if s.Label != "" {
		paint(s.Label, true)
	}
	fmt.Fprintln(w)
}
