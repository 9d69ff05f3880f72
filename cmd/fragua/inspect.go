package main

import (
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"fragua/pipeline/fault"
	"fragua/pipeline/inspect"
)

// rowFlags ask for rows of Parquet files instead of an account of what a path is.
var rowFlags = []string{"where", "columns", "row", "sample", "count", "histogram", "top", "nulls", "csv"}

func inspectCommand() *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "tell what a file or folder is and what is in it",
		ArgsUsage: "PATH…",
		Description: `fragua inspect runs/quickstart
fragua inspect runs/quickstart/split --where 'language == "es" && words > 200' --columns title,words
fragua inspect runs/quickstart/split --top language
fragua inspect runs/quickstart/split/train-00000.parquet --row 12
fragua inspect runs/quickstart/base --json

With --where, --columns, --row, --sample, --count, --histogram, --top, --nulls or --csv it reads the rows of
Parquet files and of folders of them. Several paths are read as one table.`,
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "rows", Usage: "how many `ROWS` to show (default 3 samples of a file, 20 of a selection)"},
			&cli.StringFlag{Name: "where", Usage: "rows for which the `EXPRESSION` over columns is true, such as 'words > 200 && language == \"es\"'"},
			&cli.StringSliceFlag{Name: "columns", Usage: "these columns alone: `NAME,…`"},
			&cli.Int64Flag{Name: "row", Usage: "row `N` in full, counted from 0"},
			&cli.IntFlag{Name: "sample", Usage: "`N` rows drawn at random"},
			&cli.Uint64Flag{Name: "seed", Value: 1337, Usage: "seed of --sample"},
			&cli.BoolFlag{Name: "count", Usage: "how many rows there are"},
			&cli.StringFlag{Name: "histogram", Usage: "how the values of a `COLUMN` spread; of texts, their lengths"},
			&cli.StringFlag{Name: "top", Usage: "the most frequent values of a `COLUMN`"},
			&cli.BoolFlag{Name: "nulls", Usage: "the share of nulls and of empty texts in each column"},
			&cli.BoolFlag{Name: "json", Usage: "as JSON; rows as one object a line"},
			&cli.BoolFlag{Name: "csv", Usage: "rows as CSV"},
		},
		Action: inspectAction,
	}
}

func inspectAction(c *cli.Context) error {
	if c.IsSet("rows") && c.Int("rows") < 0 {
		return usage("--rows is %d, but a number from 0 is wanted", c.Int("rows"))
	}
	for _, f := range rowFlags {
		if c.IsSet(f) {
			return inspectRows(c)
		}
	}
	path, err := oneArgument(c, "path")
	if err != nil {
		return err
	}
	rows := 3
	if c.IsSet("rows") {
		rows = c.Int("rows")
	}
	a, err := inspect.Open(path, inspect.Options{Rows: rows})
	if err != nil {
		return err
	}
	return writeArtifact(c, a)
}

func writeArtifact(c *cli.Context, a *inspect.Artifact) error {
	if c.Bool("json") {
		return a.JSON(c.App.Writer)
	}
	return a.Text(c.App.Writer)
}

// inspectRows answers a question about the rows of Parquet files.
func inspectRows(c *cli.Context) error {
	if c.NArg() == 0 {
		return fault.Hintf(usage("fragua inspect: which path?"), "%s", example(c.Command))
	}
	if c.IsSet("sample") && c.Int("sample") < 1 {
		return usage("--sample is %d, but a number above 0 is wanted", c.Int("sample"))
	}
	if c.IsSet("row") && c.Int64("row") < 0 {
		return usage("--row is %d, but rows count from 0", c.Int64("row"))
	}
	var asked []string
	for _, f := range []string{"row", "count", "histogram", "top", "nulls"} {
		if c.IsSet(f) {
			asked = append(asked, "--"+f)
		}
	}
	if len(asked) > 1 {
		return usage("%s: one question at a time", strings.Join(asked, " and "))
	}
	var columns []string
	for _, list := range c.StringSlice("columns") {
		columns = append(columns, strings.Split(list, ",")...)
	}
	s, err := inspect.Select(c.Args().Slice(), inspect.Query{
		Where: c.String("where"), Columns: columns, Sample: c.Int("sample"), Seed: c.Uint64("seed"),
	})
	if err != nil {
		return err
	}
	format, limit := inspect.AsTable, 20
	switch {
	case c.Bool("csv") && c.Bool("json"):
		return usage("--csv and --json: one of them")
	case c.Bool("csv"):
		format, limit = inspect.AsCSV, 0 // files are written whole
	case c.Bool("json"):
		format, limit = inspect.AsJSON, 0
	}
	if c.IsSet("rows") {
		limit = c.Int("rows")
	} else if c.IsSet("sample") {
		limit = 0
	}
	var a *inspect.Artifact
	switch {
	case c.IsSet("row"):
		return s.WriteRow(c.Context, c.App.Writer, format, c.Int64("row"))
	case c.Bool("count"):
		a, err = s.CountRows(c.Context)
	case c.IsSet("histogram"):
		a, err = s.Histogram(c.Context, c.String("histogram"))
	case c.IsSet("top"):
		a, err = s.Top(c.Context, c.String("top"), max(limit, 20))
	case c.Bool("nulls"):
		a, err = s.Nulls(c.Context)
	default:
		return s.WriteRows(c.Context, c.App.Writer, format, limit, terminalWidth())
	}
	if err != nil {
		return err
	}
	return writeArtifact(c, a)
}

// terminalWidth is how many characters a line of the terminal holds; where there
// is none, 120.
func terminalWidth() int {
	if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && w > 20 {
		return w
	}
	return 120
}
