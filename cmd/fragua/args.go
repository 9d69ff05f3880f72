package main

import (
	"context"
	"fragua/pipeline/store"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
)

// permute moves flags before positional arguments, because urfave/cli takes whatever
// follows the first positional argument for a positional one: `run quickstart --dry-run`
// would silently run. Everything after `--` stays positional.
func permute(app *cli.App, args []string) []string {
	if len(args) == 0 {
		return args
	}
	head, rest := args[:1:1], args[1:]
	flags, commands := app.Flags, app.Commands
	for len(rest) > 0 {
		c := find(commands, rest[0])
		if c == nil {
			break
		}
		head, rest = append(head, rest[0]), rest[1:]
		flags, commands = c.Flags, c.Subcommands
	}
	var options, positional []string
	for i := 0; i < len(rest); i++ {
		arg := rest[i]
		switch {
		case arg == "--":
			positional = append(positional, rest[i+1:]...)
			i = len(rest)
		case len(arg) < 2 || arg[0] != '-':
			positional = append(positional, arg)
		default:
			options = append(options, arg)
			name := strings.TrimLeft(arg, "-")
			if !strings.Contains(name, "=") && takesValue(flags, name) && i+1 < len(rest) {
				i++
				options = append(options, rest[i])
			}
		}
	}
	out := append(head, options...)
	for _, p := range positional {
		if len(p) > 1 && p[0] == '-' {
			out = append(out, "--")
			break
		}
	}
	return append(out, positional...)
}

// commaList returns the values of a flag that takes several: `--only a,b --only c`.
// The library splits none, because in values of other flags a comma means itself.
func commaList(c *cli.Context, flag string) (list []string) {
	for _, value := range c.StringSlice(flag) {
		list = append(list, strings.FieldsFunc(value, func(r rune) bool { return r == ',' })...)
	}
	return list
}

func find(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

func takesValue(flags []cli.Flag, name string) bool {
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == name {
				d, ok := f.(cli.DocGenerationFlag)
				return ok && d.TakesValue()
			}
		}
	}
	return false
}

// openInput opens a file that a command is given. One in a store is fetched first.
func openInput(ctx context.Context, name string) (*os.File, error) {
	at, err := store.FetchFile(ctx, name)
	if err != nil {
		return nil, err
	}
	return os.Open(at)
}

// fetched returns where files lie on this machine. Those in a store are fetched first.
func fetched(ctx context.Context, names []string) (paths []string, err error) {
	for _, name := range names {
		at, err := store.FetchFile(ctx, name)
		if err != nil {
			return nil, err
		}
		paths = append(paths, at)
	}
	return paths, nil
}
