package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"fragua/pipeline/inspect"
	"fragua/pipeline/report"
)

func inspectCommand() *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "tell what a file or folder is and what is in it",
		ArgsUsage: "PATH",
		Description: `fragua inspect runs/quickstart
fragua inspect runs/quickstart/split/train-00000.parquet --rows 5
fragua inspect runs/quickstart/base --json`,
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "rows", Value: 3, Usage: "how many rows to show"},
			&cli.BoolFlag{Name: "json", Usage: "as JSON"},
		},
		Action: func(c *cli.Context) error {
			path, err := oneArgument(c, "path")
			if err != nil {
				return err
			}
			a, err := inspect.Open(path, inspect.Options{Rows: c.Int("rows")})
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return a.JSON(c.App.Writer)
			}
			return a.Text(c.App.Writer)
		},
	}
}

func reportCommand() *cli.Command {
	return &cli.Command{
		Name:        "report",
		Usage:       "write a run's report, one HTML file",
		ArgsUsage:   "RUN",
		Description: "fragua report runs/quickstart",
		Action: func(c *cli.Context) error {
			dir, err := oneArgument(c, "run")
			if err != nil {
				return err
			}
			name, err := report.Create(dir)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.App.Writer, name)
			return nil
		},
	}
}
