package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"fragua/finetune"
	"fragua/pipeline/fault"
	"fragua/pipeline/records"
)

func predictCommand() *cli.Command {
	return &cli.Command{
		Name:      "predict",
		Usage:     "answer each line of a text, or each row of a table, with a fine-tuned model",
		ArgsUsage: "MODEL [FILE|-]",
		Description: `fragua predict runs/quickstart/sentiment reviews.txt
echo 'A warm and funny book.' | fragua predict runs/quickstart/sentiment -
fragua predict runs/quickstart/sentiment --json reviews.txt
fragua predict runs/quickstart/sentiment --data reviews.csv --text review -o judged.csv
fragua predict base --adapter runs/tuned/judge/adapter reviews.txt

Each line gives one line, blank ones too. A table (CSV, TSV, JSON Lines or Parquet) keeps its columns and
gets those of the answer: label and a probability for each class, value, or translation.`,
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "one JSON object a line"},
			&cli.StringFlag{Name: "adapter", Usage: "`FOLDER` of an adapter that a fine-tuning wrote; MODEL is then what it was trained on"},
			&cli.StringFlag{Name: "data", Usage: "a table to answer: a CSV, TSV, JSON Lines or Parquet `FILE`"},
			&cli.StringFlag{Name: "text", Usage: "the table's `COLUMN` that holds the text; doc.text is a column inside another"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the table to `FILE`, in the table's own format or as .jsonl; left out: to standard output"},
		}, machineFlags...),
		Action: predictAction,
	}
}

func predictAction(c *cli.Context) error {
	file, column := c.String("data"), c.String("text")
	if file == "" && c.NArg() == 2 {
		if name := c.Args().Get(1); tableFormat(name) != "" || column != "" {
			file = name
		}
	} else if file != "" && c.NArg() != 1 {
		return fault.Hintf(usage("predict wants the model's folder and --data, and no further file"), "%s", example(c.Command))
	}
	if file != "" {
		return predictTable(c, file, column)
	}
	for _, flag := range []string{"text", "output"} {
		if c.IsSet(flag) {
			return fault.Hintf(usage("--%s is for tables", flag), "name the table: --data FILE; lines go to standard output")
		}
	}
	return eachLine(c, func(p *finetune.Predictor, line string) (any, string, error) {
		if p.Labels() == nil {
			got, err := p.Reply(c.Context, line)
			value := any(got)
			if p.Numbers() {
				value = json.Number(got)
			}
			return map[string]any{"text": line, answerColumn(p): value}, got, err
		}
		label, probs, err := p.Predict(c.Context, line)
		if err != nil {
			return nil, "", err
		}
		return map[string]any{"text": line, "label": label, "probabilities": byClass(p.Labels(), probs)}, fmt.Sprintf("%s\t%.3f\t%s", label, slices.Max(probs), line), nil
	})
}

// answerColumn is what answers that are texts or numbers are called.
func answerColumn(p *finetune.Predictor) string {
	switch {
	case p.Numbers():
		return "value"
	case p.Goal() == "translation":
		return "translation"
	}
	return "answer"
}

func byClass(classes []string, probs []float32) map[string]float32 {
	all := map[string]float32{}
	for i, name := range classes {
		all[name] = probs[i]
	}
	return all
}

// openPredictor applies the machine's flags and reads the model named first.
func openPredictor(c *cli.Context) (*finetune.Predictor, error) {
	if err := setMachine(c); err != nil {
		return nil, err
	}
	dir, err := modelDir(c.Context, c.Args().First())
	if err != nil {
		return nil, err
	}
	if err := verifyModel(c, dir); err != nil {
		return nil, err
	}
	if adapter := c.String("adapter"); adapter != "" {
		return finetune.OpenAdaptedPredictor(dir, adapter)
	}
	return finetune.OpenPredictor(dir)
}

// maxLine bounds a line of text that is to be answered.
const maxLine = 16 << 20

// eachLine answers each line of a file, or of standard input. A blank line is
// answered by a blank line, so that answers stand beside their texts.
func eachLine(c *cli.Context, answer func(*finetune.Predictor, string) (any, string, error)) error {
	if c.NArg() < 1 || c.NArg() > 2 {
		return fault.Hintf(usage("%s wants a model's folder, and a file or -", c.Command.HelpName), "%s", example(c.Command))
	}
	p, err := openPredictor(c)
	if err != nil {
		return err
	}
	in, name := io.Reader(os.Stdin), "standard input"
	if file := c.Args().Get(1); file != "" && file != "-" {
		f, err := openInput(c.Context, file)
		if err != nil {
			return err
		}
		defer f.Close()
		in, name = f, file
	}
	head := bufio.NewReaderSize(in, 1<<16)
	if err := isLines(head, name); err != nil {
		return err
	}
	enc := json.NewEncoder(c.App.Writer)
	s := bufio.NewScanner(head)
	s.Buffer(nil, maxLine)
	row := int64(0)
	for ; s.Scan(); row++ {
		if err := c.Context.Err(); err != nil {
			return err
		}
		value, line, err := any(map[string]any{"text": s.Text()}), "", error(nil)
		if strings.TrimSpace(s.Text()) != "" {
			value, line, err = answer(p, s.Text())
		}
		if err != nil {
			return &fault.RowError{File: name, Row: row, Err: err}
		}
		if c.Bool("json") {
			if err := enc.Encode(value); err != nil {
				return err
			}
		} else if _, err := fmt.Fprintln(c.App.Writer, line); err != nil {
			return err
		}
	}
	if err := s.Err(); err != nil {
		return fault.Hintf(&fault.RowError{File: name, Row: row, Err: err}, "a line may have at most %d MB", maxLine>>20)
	}
	return nil
}

// isLines refuses what is no text: a Parquet file or a compressed one.
func isLines(in *bufio.Reader, name string) error {
	head, _ := in.Peek(512) // an error is reported when the line is read
	switch {
	case bytes.HasPrefix(head, []byte("PAR1")):
		return fault.Hintf(usage("%s is a Parquet file, not lines of text", name), "give it as a table: --data FILE.parquet --text COLUMN")
	case records.Compressed(name), bytes.IndexByte(head, 0) >= 0:
		return fault.Hintf(usage("%s is no plain text", name), "unpack it first, or give a table: --data FILE --text COLUMN")
	}
	return nil
}
