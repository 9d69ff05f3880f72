package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"fragua/configs"
	"fragua/pipeline/fault"
)

func configCommand() *cli.Command {
	return &cli.Command{
		Name:  "config",
		Usage: "list, show, copy and check configurations",
		Description: `fragua config list                     the recipes that come with the program
fragua config show books               one of them
fragua config copy books mine.yaml     to start from
fragua config check mine.yaml          all faults at once; prints the settings in force with --resolved
fragua config schema > fragua.schema.json     for editors; config copy lays it beside the recipe, which names it`,
		Subcommands: []*cli.Command{
			{Name: "list", Usage: "list the recipes", Action: configList},
			{Name: "show", Usage: "print a recipe", ArgsUsage: "NAME", Action: configShow},
			{Name: "copy", Usage: "copy a recipe to a file", ArgsUsage: "NAME FILE", Action: configCopy},
			{Name: "check", Usage: "check a configuration without running it", ArgsUsage: "FILE|NAME", Action: configCheck,
				Flags: []cli.Flag{setFlag, &cli.BoolFlag{Name: "resolved", Usage: "print the settings in force, defaults included"}}},
			{Name: "schema", Usage: "print the JSON Schema of configurations", Action: configSchema},
		},
	}
}

// headline is the first sentence of a recipe's opening comment.
func headline(src []byte) string {
	line, _, _ := strings.Cut(string(src), "\n")
	return strings.TrimSuffix(strings.TrimSpace(strings.TrimPrefix(line, "#")), ":")
}

func configList(c *cli.Context) error {
	for _, name := range recipeNames() {
		src, err := fs.ReadFile(configs.Recipes(), name+".yaml")
		if err != nil {
			return err
		}
		fmt.Fprintf(c.App.Writer, "%-12s %s\n", name, headline(src))
	}
	return nil
}

func embedded(name string) ([]byte, error) {
	src, err := fs.ReadFile(configs.Recipes(), strings.TrimSuffix(name, ".yaml")+".yaml")
	if err != nil {
		return nil, fault.Hintf(usage("there is no recipe %q", name), "recipes: %s", strings.Join(recipeNames(), ", "))
	}
	return src, nil
}

func configShow(c *cli.Context) error {
	name, err := oneArgument(c, "recipe")
	if err != nil {
		return err
	}
	src, err := embedded(name)
	if err != nil {
		return err
	}
	_, err = c.App.Writer.Write(src)
	return err
}

// schemaFile is what the head of each recipe names.
const schemaFile = "fragua.schema.json"

func configCopy(c *cli.Context) error {
	if c.NArg() != 2 {
		return fault.Hintf(usage("a recipe's name and a file are wanted"), "for example: fragua config copy books mine.yaml")
	}
	name, file := c.Args().Get(0), c.Args().Get(1)
	src, err := embedded(name)
	if err != nil {
		return err
	}
	if _, err := os.Stat(file); err == nil {
		return fault.Hintf(fmt.Errorf("%s is there already", file), "remove it first, or take another name")
	}
	if slices.Contains(onSample, strings.TrimSuffix(name, ".yaml")) {
		if _, err := layInput(filepath.Dir(file)); err != nil {
			return err
		}
		fmt.Fprintf(c.App.Writer, "laid the sample that it works on into %s\n", filepath.Dir(file))
	}
	if err := os.WriteFile(file, src, 0o644); err != nil {
		return err
	}
	// The recipe names it in its head, so that editors complete and check what is written.
	schema := filepath.Join(filepath.Dir(file), schemaFile)
	if err := os.WriteFile(schema, append(stages.Schema(), '\n'), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "wrote %s, and for editors %s; next: fragua plan %s\n", file, schema, file)
	return nil
}

func configCheck(c *cli.Context) error {
	arg, err := oneArgument(c, "configuration")
	if err != nil {
		return err
	}
	r, err := openRecipe(arg, runDir(arg, ""))
	if err != nil {
		return err
	}
	cfg, err := r.parse(c.StringSlice("set"))
	if err == nil {
		err = cfg.CheckFiles()
	}
	if err != nil {
		return err
	}
	if c.Bool("resolved") {
		_, err = c.App.Writer.Write(cfg.ResolvedYAML())
		return err
	}
	fmt.Fprintf(c.App.Writer, "%s: %s, no fault\n", arg, plural(len(cfg.Stages), "stage"))
	return nil
}

func configSchema(c *cli.Context) error {
	_, err := fmt.Fprintln(c.App.Writer, string(stages.Schema()))
	return err
}
