package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"fragua/pipeline"
	"fragua/pipeline/corpus"
	"fragua/pipeline/extract"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
	"fragua/pipeline/textstat"
)

func textCommand() *cli.Command {
	sub := func(name, what string, do func(*cli.Context, string) error) *cli.Command {
		return &cli.Command{Name: name, Usage: what, ArgsUsage: "FILE…", Description: "fragua text " + name + " FILE…", Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return fault.Hintf(usageOf(c), "%s", example(c.Command))
			}
			for _, file := range c.Args().Slice() {
				if info, err := store.Stat(file); err != nil || info.Dir {
					return fault.Hintf(usage("%s is no file that can be read", file), "give files; the shell's %s names all of a folder", "folder/*")
				}
				if err := do(c, file); err != nil {
					return err
				}
			}
			return nil
		}}
	}
	language := sub("language", "name the language of each file", textLanguage)
	language.Flags = []cli.Flag{&cli.BoolFlag{Name: "paragraphs", Usage: "name the language of each paragraph"}}
	return &cli.Command{
		Name:  "text",
		Usage: "try the text rules on files at hand",
		Description: `fragua text extract page.html            what ingest would make of a file
fragua text repair old.txt               encoding and whitespace repaired
fragua text language *.txt               --paragraphs names that of each paragraph
fragua text signals *.txt                the numbers that steps judge by`,
		Subcommands: []*cli.Command{
			sub("extract", "print the text that ingest would read", textExtract),
			sub("repair", "print the text with encoding and whitespace repaired", textRepair),
			language,
			sub("signals", "print the numbers that steps judge by", textSignals),
		},
	}
}

func usageOf(c *cli.Context) error { return usage("%s: which file?", c.Command.HelpName) }

func textExtract(c *cli.Context, file string) error {
	docs, err := corpus.ReadFile(c.Context, file)
	if err != nil {
		return err
	}
	w := c.App.Writer
	for i, d := range docs {
		if len(docs) > 1 || c.NArg() > 1 {
			fmt.Fprintf(w, "── %s, %d of %d", file, i+1, len(docs))
			for _, s := range []string{d.Title, d.Author, d.Language} {
				if s != "" {
					fmt.Fprintf(w, " · %s", s)
				}
			}
			fmt.Fprintln(w, " ──")
		}
		fmt.Fprintln(w, d.Text)
	}
	return nil
}

func readText(file string) (string, error) {
	b, err := store.ReadFile(file)
	if err != nil {
		return "", err
	}
	text, _, err := extract.Decode(b, "")
	if err != nil {
		return "", &fault.RowError{File: file, Row: -1, Err: err}
	}
	return text, nil
}

func textRepair(c *cli.Context, file string) error {
	text, err := readText(file)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.App.Writer, extract.Repair(text))
	return err
}

func textLanguage(c *cli.Context, file string) error {
	text, err := readText(file)
	if err != nil {
		return err
	}
	if !c.Bool("paragraphs") {
		code, score := textstat.Language(text)
		_, err = fmt.Fprintf(c.App.Writer, "%s\t%.2f\t%s\n", languageName(code), score, file)
		return err
	}
	for p := range textstat.Passages(strings.ReplaceAll(text, "\r\n", "\n")) {
		line, _, _ := strings.Cut(p.Text, "\n")
		if r := []rune(line); len(r) > 60 {
			line = string(r[:60]) + " …"
		}
		if _, err := fmt.Fprintf(c.App.Writer, "%s\t%.2f\t%s\t%s\n", languageName(p.Language), p.Score, file, line); err != nil {
			return err
		}
	}
	return nil
}

// languageName is the code, or what stands for none.
func languageName(code string) string { return cmp.Or(code, "unknown") }

func textSignals(c *cli.Context, file string) error {
	docs, err := corpus.ReadFile(c.Context, file)
	if err != nil {
		return err
	}
	for i, d := range docs {
		language, signals := corpus.MeasureText(d.Text)
		fmt.Fprintf(c.App.Writer, "%s", file)
		if len(docs) > 1 {
			fmt.Fprintf(c.App.Writer, " (%d of %d)", i+1, len(docs))
		}
		fmt.Fprintf(c.App.Writer, ": %s\n", language)
		for _, s := range signals {
			fmt.Fprintf(c.App.Writer, "  %-32s %s\n", s.Name, strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.4f", s.Value), "0"), "."))
		}
	}
	return nil
}

func explainCommand() *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "tell what became of one document, rule by rule",
		ArgsUsage: "RUN ID|URL|PATH",
		Description: `fragua explain runs/quickstart 0123456789abcdef0123456789abcdef
fragua explain runs/mine https://example.org/page.html
fragua explain runs/mine pages/page.html
fragua explain runs/mine review-17          the value of a column that the document brought along`,
		Action: func(c *cli.Context) error {
			if c.NArg() != 2 {
				return fault.Hintf(usage("explain wants a run's folder and a document: its id, URL, path, or an id of your own"), "`fragua inspect` shows the documents of a stage")
			}
			run, err := pipeline.OpenRun(c.Args().Get(0))
			if err != nil {
				return err
			}
			cfg, err := run.Config(stages)
			if err != nil {
				return err
			}
			w := c.App.Writer
			found, err := corpus.Lookup(c.Context, run, cfg, c.Args().Get(1))
			if err != nil {
				return err
			}
			if len(found) > 1 { // a book, say, and its chapters
				fmt.Fprintf(w, "%s of that name; explain one by its id:\n", plural(len(found), "document"))
				for _, m := range found {
					fmt.Fprintf(w, "  %s  %s  %s\n", m.ID, m.Path, m.Title)
				}
				return nil
			}
			story, err := corpus.Explain(c.Context, run, cfg, found[0].ID)
			if err != nil {
				return err
			}
			d := story.Document
			fmt.Fprintf(w, "%s  %s: %s", story.ID, d.Source, d.Path)
			if d.Title != "" {
				fmt.Fprintf(w, " · %s", d.Title)
			}
			fmt.Fprintln(w)
			for _, v := range story.Verdicts {
				fmt.Fprintf(w, "  %s\n", v)
			}
			if text := strings.Join(strings.Fields(d.Text), " "); text != "" {
				if r := []rune(text); len(r) > 200 {
					text = string(r[:200]) + " …"
				}
				fmt.Fprintf(w, "  “%s”\n", text)
			}
			return nil
		},
	}
}
