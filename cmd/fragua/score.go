package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"fragua/finetune"
	"fragua/finetune/examples"
	"fragua/pipeline/fault"
)

func scoreCommand() *cli.Command {
	return &cli.Command{
		Name:      "score",
		Usage:     "score translations by BLEU, chrF and TER, as sacrebleu does",
		ArgsUsage: "REFERENCE TRANSLATION…",
		Description: `fragua score test.es translated.es
fragua score test.es old.es new.es              new is compared with old, and the rest too

Files have a sentence a line. ± is half of the 95 % interval of 1,000 bootstrap samples; p is the probability of so large
a difference from the first system if there were none (paired bootstrap).`,
		Action: scoreAction,
	}
}

func scoreAction(c *cli.Context) error {
	if c.NArg() < 2 {
		return fault.Hintf(usage("score wants a reference, and a translation or several"), "%s", example(c.Command))
	}
	names := c.Args().Slice()
	refs, err := textLines(c.Context, names[0])
	if err != nil {
		return err
	}
	if len(refs) == 0 {
		return fmt.Errorf("%s is empty", names[0])
	}
	set := make([]examples.Example, len(refs))
	for i, r := range refs {
		set[i].Target = r
	}
	var first finetune.TextScores
	for k, name := range names[1:] {
		lines, err := textLines(c.Context, name)
		if err != nil {
			return err
		}
		if len(lines) != len(refs) {
			return fault.Hintf(fmt.Errorf("%s has %d lines, %s has %d", name, len(lines), names[0], len(refs)), "line n of one translates line n of the other")
		}
		got := make([]finetune.Prediction, len(lines))
		for i, l := range lines {
			got[i].Got = l
		}
		s := finetune.ScoreTexts(got, set, true)
		if k == 0 {
			first = s
		}
		for i, f := range s.Figures(true) {
			line := fmt.Sprintf("%s\t%s %.1f ± %.1f", name, f.Name, f.Value, f.PlusMinus)
			if k > 0 {
				line += fmt.Sprintf("\tp = %.4f", s.Against(first)[i])
			}
			fmt.Fprintf(c.App.Writer, "%s\t%s\n", line, f.Note)
		}
	}
	return nil
}

// textLines reads a file of sentences.
func textLines(ctx context.Context, name string) (lines []string, err error) {
	f, err := openInput(ctx, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, maxLine)
	for s.Scan() {
		lines = append(lines, strings.TrimSuffix(s.Text(), "\r"))
	}
	if err := s.Err(); err != nil {
		return nil, &fault.RowError{File: name, Row: int64(len(lines)), Err: err}
	}
	return lines, nil
}
