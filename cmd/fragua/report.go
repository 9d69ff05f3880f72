package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"fragua/pipeline/report"
)

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
