package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"fragua/finetune"
	"fragua/finetune/document"
	"fragua/model"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

func translateCommand() *cli.Command {
	return &cli.Command{
		Name:      "translate",
		Usage:     "translate sentences, lines and files with a fine-tuned model",
		ArgsUsage: "MODEL [SENTENCE…|FILE|-]",
		Description: `fragua translate runs/quickstart/translation 'The smith buys the red hammer.'
fragua translate runs/quickstart/translation - < english.txt       n lines give n lines, blank ones too
fragua translate runs/quickstart/translation page.html -o page.es.html
fragua translate runs/quickstart/translation --alternatives 3 'The smith is here.'

Files are .txt, .srt, .po, .html, .md, .tmx and .docx: structure, markup, placeholders and blank lines stay. A text is
translated sentence by sentence. Each line of a glossary (.tsv) is a term, a tab, and its translation.`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `FILE`; left out: to standard output"},
			&cli.StringFlag{Name: "glossary", Usage: "`FILE` of terms and their translations, a pair a line"},
			&cli.IntFlag{Name: "alternatives", Usage: "print the `N` best translations of each line: its number, the score, the translation"},
			&cli.BoolFlag{Name: "scores", Usage: "print each line's score, a tab, and its translation"},
			&cli.IntFlag{Name: "beams", Usage: "follow `N` hypotheses instead of as many as the model was made with"},
			&cli.StringFlag{Name: "weights", Value: "f32", Usage: "what to keep weights in: f32, bf16 or int8, which reads a quarter of the memory; a model that was trained with weights: int8 has them anyway"},
			&cli.StringFlag{Name: "source", Usage: "`LANGUAGE` to translate from, in a .tmx"},
			&cli.StringFlag{Name: "target", Usage: "`LANGUAGE` to translate into, in a .tmx"},
		}, machineFlags...),
		Action: translateAction,
	}
}

// A translation is the command at work.
type translation struct {
	*cli.Context
	predictor *finetune.Predictor
	glossary  document.Glossary
}

func translateAction(c *cli.Context) error {
	if c.NArg() == 0 {
		return fault.Hintf(usage("which model?"), "%s", example(c.Command))
	}
	n := c.Int("alternatives")
	if n < 0 || c.Int("beams") < 0 {
		return usage("--alternatives and --beams are positive numbers")
	}
	if w := c.String("weights"); !slices.Contains(model.WeightKinds, w) {
		return usage("--weights: there are none of %q, only %s", w, strings.Join(model.WeightKinds, ", "))
	}
	args := c.Args().Tail()
	file := len(args) == 1 && isDocument(args[0])
	if file && (n > 0 || c.Bool("scores")) {
		return fault.Hintf(usage("--alternatives and --scores are for lines, not for a file's structure"), "fragua translate MODEL - --alternatives %d < FILE", max(n, 3))
	}
	t := &translation{Context: c}
	var err error
	if name := c.String("glossary"); name != "" {
		if n > 0 || c.Bool("scores") {
			return usage("--glossary stands beside --alternatives or --scores, and what it changes has no score")
		}
		if t.glossary, err = readGlossary(c.Context, name); err != nil {
			return err
		}
	}
	if t.predictor, err = openPredictor(c); err != nil {
		return err
	}
	if err := t.predictor.Search(max(c.Int("beams"), n)); err != nil {
		return err
	}
	if err := t.predictor.Quantize(c.String("weights")); err != nil {
		return err
	}
	if file {
		return t.file(args[0])
	}
	return t.to(c.String("output"), func(w io.Writer) error {
		if len(args) == 0 || len(args) == 1 && args[0] == "-" {
			return t.lines(w, os.Stdin, "standard input")
		}
		return t.batch(w, args, 0)
	})
}

// isDocument reports whether an argument is a file to be translated, and no sentence.
func isDocument(arg string) bool {
	info, err := store.Stat(arg)
	return err == nil && !info.Dir && !info.Special || err != nil && document.Known(arg) && !strings.Contains(arg, " ")
}

// to gives standard output, or a file that is there only when it is whole.
func (t *translation) to(name string, write func(io.Writer) error) error {
	if name == "" {
		return write(t.App.Writer)
	}
	return store.WriteFile(name, write)
}

// mostDocument bounds a file that is translated.
const mostDocument = 256 << 20

func (t *translation) file(name string) error {
	info, err := store.Stat(name)
	if err != nil {
		return err
	}
	if info.Size > mostDocument {
		return fmt.Errorf("%s has more than %d MB", name, mostDocument>>20)
	}
	content, err := store.ReadFile(name)
	if err != nil {
		return err
	}
	d, err := document.Read(name, content, document.Languages{Source: t.String("source"), Target: t.String("target")})
	if err != nil {
		return err
	}
	texts, err := document.Translate(t.Context.Context, d.Texts(), t.glossary, t.best)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return t.to(t.String("output"), func(w io.Writer) error { return d.Write(w, texts) })
}

// best is the document.Translator of the model.
func (t *translation) best(ctx context.Context, sentences []string) ([]string, error) {
	found, err := t.predictor.TranslateAll(ctx, sentences)
	out := make([]string, len(sentences))
	for i, h := range found {
		if len(h) > 0 {
			out[i] = h[0].Text
		}
	}
	return out, err
}

// linesAtOnce are translated together, so that memory does not grow with the input.
const linesAtOnce = 512

func (t *translation) lines(w io.Writer, in io.Reader, name string) error {
	head := bufio.NewReaderSize(in, 1<<16)
	if err := isLines(head, name); err != nil {
		return err
	}
	s := bufio.NewScanner(head)
	s.Buffer(nil, maxLine)
	var window []string
	done := 0
	flush := func() error {
		err := t.batch(w, window, done)
		done += len(window)
		window = window[:0]
		return err
	}
	for s.Scan() {
		if window = append(window, s.Text()); len(window) == linesAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := s.Err(); err != nil {
		return fault.Hintf(&fault.RowError{File: name, Row: int64(done + len(window)), Err: err}, "a line may have at most %d MB", maxLine>>20)
	}
	return flush()
}

// batch writes the translations of lines; before is how many came before them.
func (t *translation) batch(w io.Writer, lines []string, before int) error {
	n, scores := t.Int("alternatives"), t.Bool("scores")
	if n == 0 && !scores {
		texts, err := document.Translate(t.Context.Context, lines, t.glossary, t.best)
		if err != nil {
			return err
		}
		for _, s := range texts {
			if _, err := fmt.Fprintln(w, s); err != nil {
				return err
			}
		}
		return nil
	}
	found, err := t.predictor.TranslateAll(t.Context.Context, lines)
	if err != nil {
		return err
	}
	for i, hypotheses := range found {
		if n == 0 && len(hypotheses) == 0 { // n lines give n lines
			fmt.Fprintln(w)
			continue
		}
		for _, h := range hypotheses[:min(max(n, 1), len(hypotheses))] {
			if n > 0 {
				fmt.Fprintf(w, "%d\t", before+i+1)
			}
			if _, err := fmt.Fprintf(w, "%.4f\t%s\n", h.Score, h.Text); err != nil {
				return err
			}
		}
	}
	return nil
}

// readGlossary reads lines of a term, a tab and its translation.
func readGlossary(ctx context.Context, name string) (g document.Glossary, err error) {
	f, err := openInput(ctx, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for row := int64(0); s.Scan(); row++ {
		line := strings.TrimSpace(s.Text())
		if line == "" {
			continue
		}
		term, translation, ok := strings.Cut(line, "\t")
		if term, translation = strings.TrimSpace(term), strings.TrimSpace(translation); !ok || term == "" || translation == "" || strings.Contains(translation, "\t") {
			return nil, fault.Hintf(&fault.RowError{File: name, Row: row, Err: errors.New("no term and translation with a tab between them")}, "a line is: forge⇥fragua")
		}
		g = append(g, [2]string{term, translation})
	}
	return g, s.Err()
}
