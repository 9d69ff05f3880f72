package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/urfave/cli/v2"

	"fragua/pipeline/corpus"
	"fragua/pipeline/fault"
	"fragua/pipeline/report"
)

//go:embed new.yaml.tmpl
var newTemplate string

func newCommand() *cli.Command {
	return &cli.Command{
		Name:      "new",
		Usage:     "write a configuration for a folder of files at hand",
		ArgsUsage: "DIR",
		Description: `fragua new novels --from ~/library

It looks at what the folder holds: which source reads which files, the column with the text of a
table, the languages of a sample. What no source reads is listed. The configuration, DIR/DIR.yaml,
is for you to change.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "the `FOLDER` with the files", Required: true},
		},
		Action: newConfiguration,
	}
}

// newSource is an entry of `sources:`.
type newSource struct {
	corpus.Found
	Path, Column string // as YAML
	Size         string
}

func newConfiguration(c *cli.Context) error {
	dir, err := oneArgument(c, "folder for the configuration")
	if err != nil {
		return err
	}
	folder := c.String("from")
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return fault.Hintf(usage("--from %s: no folder", folder), "name the folder that holds your files")
	}
	abs, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, filepath.Base(dir)+".yaml")
	if _, err := os.Stat(file); err == nil {
		return fault.Hintf(fmt.Errorf("%s is there already", file), "remove it first, or take another name")
	}
	survey, err := corpus.Look(c.Context, abs)
	if err != nil {
		return err
	}
	w := c.App.Writer
	for _, line := range survey.Unread {
		fmt.Fprintf(w, "not read: %s\n", line)
	}
	seen := configurationOf(survey, pathFrom(dir, abs))
	for _, s := range seen.Sources {
		fmt.Fprintf(w, "%s: %s, %s\n", s.Source, plural(s.Files, "file"), s.Size)
	}
	for _, s := range seen.NoText {
		fmt.Fprintf(w, "not read: %s of %s: no column holds text\n", plural(s.Files, "file"), s.Source)
	}
	if len(seen.Sources) == 0 {
		return fault.Hintf(fmt.Errorf("%s holds no file that fragua reads", folder), "see `fragua guide` for what it reads")
	}
	var b bytes.Buffer
	seen.File = fault.Printable(shellQuote(file))
	if err := template.Must(template.New("").Parse(newTemplate)).Execute(&b, seen); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(w, "wrote %s; next: fragua plan %s\n", file, shellQuote(file))
	for _, s := range seen.Sources {
		if s.Label != "" {
			fmt.Fprintf(w, "column %s could be labels; with one of the files: fragua finetune --data FILE --text %s --label %s\n", s.Label, shellQuote(s.Text), shellQuote(s.Label))
		}
	}
	return nil
}

// A newConfig is what the template shows.
type newConfig struct {
	File      string
	Sources   []newSource
	NoText    []corpus.Found // tables without a text
	Languages string
	Web       bool // pages, of which many hold little text
	Group     string
	Vocab     int
}

func configurationOf(survey corpus.Survey, folder string) newConfig {
	n := newConfig{Languages: strings.Join(survey.Commonest(), ", "), Group: "id"}
	var bytes int64
	for _, f := range survey.Found {
		tables := slices.Contains([]string{"csv", "jsonl", "parquet"}, f.Source)
		if tables && f.Text == "" {
			n.NoText = append(n.NoText, f)
			continue
		}
		bytes += f.Bytes
		n.Sources = append(n.Sources, newSource{Found: f, Path: quoted(f.In(folder)), Column: quoted(f.Text), Size: report.ByteSize(f.Bytes)})
		switch f.Source {
		case "html", "warc":
			n.Web, n.Group = true, "url"
		case "books", "epub", "tei":
			if n.Group == "id" {
				n.Group = "book"
			}
		}
	}
	switch { // a vocabulary that the text can teach
	case bytes < 1<<20:
		n.Vocab = 1024
	case bytes < 10<<20:
		n.Vocab = 4096
	default:
		n.Vocab = 8192
	}
	return n
}

// pathFrom writes a path as a file in dir would: relative where that goes no higher
// than the folder beside it.
func pathFrom(dir, abs string) string {
	here, err := filepath.Abs(dir)
	if err != nil {
		return abs
	}
	if rel, err := filepath.Rel(here, abs); err == nil && !strings.HasPrefix(rel, filepath.Join("..", "..")) {
		return filepath.ToSlash(rel)
	}
	return abs
}
