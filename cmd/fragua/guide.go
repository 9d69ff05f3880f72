package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"fragua/cmd/fragua/guide"
)

func guideCommand() *cli.Command {
	return &cli.Command{
		Name:      "guide",
		Usage:     "read how to get from files to a result, in English or Spanish",
		ArgsUsage: "[NAME]",
		Description: `fragua guide
fragua guide novels
fragua guide novels --language es`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "language", Usage: "`LANGUAGE` of the guide: en or es (default: that of the terminal)"},
		},
		Action: func(c *cli.Context) error {
			language := c.String("language")
			if language == "" {
				language = terminalLanguage()
			}
			if !slices.Contains(guide.Languages, language) {
				return usage("--language is %q, but guides are written in %s", language, strings.Join(guide.Languages, " and "))
			}
			if c.NArg() == 0 {
				for _, g := range guide.All(language) {
					fmt.Fprintf(c.App.Writer, "%-12s %s\n", g.Name, g.Title)
				}
				return nil
			}
			name, err := oneArgument(c, "guide")
			if err != nil {
				return err
			}
			g, err := guide.Find(name, language)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(c.App.Writer, g.Text)
			return err
		},
	}
}

// terminalLanguage is Spanish where the locale says so, as programs of POSIX read
// it.
func terminalLanguage() string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if locale := os.Getenv(name); locale != "" {
			if strings.HasPrefix(locale, "es") {
				return "es"
			}
			break
		}
	}
	return "en"
}
