package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
	_ "golang.org/x/crypto/x509roots/fallback" // for HTTPS from a container that has no certificates
	"golang.org/x/term"

	"fragua/pipeline/fault"
)

// Exit codes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() { os.Exit(fragua()) }

// fragua is the whole program; it returns the exit code.
func fragua() int {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup asks that a closed terminal be ignored
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	out := &output{w: os.Stdout}
	var stdout io.Writer = out
	if term.IsTerminal(int(os.Stdout.Fd())) { // a pipe gets every byte as it is
		stdout = printableWriter{out}
	}
	stderr := printableWriter{os.Stderr}
	watchMemory(stderr)
	app := newApp(stdout, stderr)
	err := app.RunContext(ctx, permute(app, os.Args))
	if err == nil || errors.Is(err, out.err) {
		err = out.Err()
	}
	switch {
	case err == nil:
		return exitDone
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "fragua: interrupted; the same command goes on from here")
		return exitInterrupted
	}
	if strings.HasPrefix(err.Error(), "Required flag") { // the library's error has no type of its own
		err = fault.Hintf(usage("%v", err), "`--help` behind the command shows how it is used")
	}
	printError(stderr, err)
	if usage := new(fault.UsageError); errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

// printError says what went wrong and what to do about it.
func printError(w io.Writer, err error) {
	var config *fault.ConfigError
	if errors.As(err, &config) {
		fmt.Fprintf(w, "fragua: error: %s in the configuration\n%s\n", plural(len(config.Faults), "fault"), config)
		return
	}
	fmt.Fprintf(w, "fragua: error: %v\n", err)
	for err != nil {
		h := new(fault.Hint)
		if !errors.As(err, &h) {
			return
		}
		fmt.Fprintf(w, "fragua: hint: %s\n", h.Fix)
		err = h.Err
	}
}

func newApp(stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:                 "fragua",
		Usage:                "from raw books and web pages to a language model of your own",
		UsageText:            "fragua COMMAND [ARGUMENT…] [--flag…]\nfragua run quickstart    is the first step",
		HideVersion:          true,
		EnableBashCompletion: true,

		CustomAppHelpTemplate: helpTemplate,
		Suggest:               true,

		DisableSliceFlagSeparator: true, // a comma may be part of a value: --set corpus.sources[0].books.path={en,es}/*.txt
		Writer:                    stdout,
		ErrWriter:                 stderr,
		Commands: slices.Concat(
			category("From text to a model", newCommand(), runCommand(), workCommand(), planCommand(), finetuneCommand(), verifyCommand()),
			category("Look", inspectCommand(), labelCommand(), explainCommand(), reportCommand(), studioCommand()),
			category("Use a model", generateCommand(), predictCommand(), translateCommand(), neighborsCommand(), similarCommand(), analogyCommand(), attendCommand(), serveCommand()),
			category("Measure", evaluateCommand(), scoreCommand(), ablateCommand(), benchCommand()),
			category("Text and tokens", textCommand(), tokenizerCommand()),
			category("To and from other programs", exportCommand(), importCommand()),
			category("Help", configCommand(), guideCommand(), doctorCommand(), completionCommand(), docsCommand(), versionCommand()),
		),
		OnUsageError: func(c *cli.Context, err error, _ bool) error {
			for _, arg := range os.Args[1:] { // `fragua nosuch --flag`: the command is what is wrong
				if !strings.HasPrefix(arg, "-") {
					return noCommand(c.App, arg)
				}
			}
			return fault.Hintf(usage("%v", err), "`fragua --help` lists the commands")
		},
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return cli.ShowAppHelp(c)
			}
			return noCommand(c.App, c.Args().First())
		},
		ExitErrHandler: func(*cli.Context, error) {}, // fragua() prints and exits
	}
	var wire func(cmds []*cli.Command)
	wire = func(cmds []*cli.Command) {
		for _, c := range cmds {
			c.OnUsageError = func(ctx *cli.Context, err error, _ bool) error {
				return fault.Hintf(usage("%v", err), "`fragua %s --help` lists the flags", strings.TrimPrefix(ctx.Command.HelpName, "fragua "))
			}
			wire(c.Subcommands)
		}
	}
	wire(app.Commands)
	return app
}

// noCommand says that a command is unknown, and which may be meant.
func noCommand(app *cli.App, name string) error {
	var names []string
	for _, cmd := range app.Commands {
		names = append(names, cmd.Names()...)
	}
	err := usage("there is no command %q", name)
	if near := fault.Nearest(name, names); near != "" {
		return fault.Hintf(err, "did you mean %q?", near)
	}
	return fault.Hintf(err, "`fragua --help` lists the commands")
}

// usage makes an error of wrong usage: exit code 2.
func usage(format string, args ...any) error {
	return &fault.UsageError{Err: fmt.Errorf(format, args...)}
}

// oneArgument returns the single argument of a command.
func oneArgument(c *cli.Context, what string) (string, error) {
	switch c.NArg() {
	case 1:
		return c.Args().First(), nil
	case 0:
		return "", fault.Hintf(usage("%s: which %s?", c.Command.HelpName, what), "%s", example(c.Command))
	}
	return "", fault.Hintf(usage("%s: one %s wanted, %d given: %s", c.Command.HelpName, what, c.NArg(), strings.Join(c.Args().Slice(), " ")), "%s", example(c.Command))
}

// example is the first example of a command's help.
func example(c *cli.Command) string {
	_, after, ok := strings.Cut(c.Description, "fragua ")
	if !ok {
		return "`" + c.HelpName + " --help` shows how"
	}
	line, _, _ := strings.Cut(after, "\n")
	return "for example: fragua " + line
}

func plural[N int | int64](n N, what string) string {
	if n == 1 {
		return fmt.Sprintf("1 %s", what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}
