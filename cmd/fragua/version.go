package main

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"

	"fragua/model/kernel"
	"fragua/tokenize"
)

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:        "version",
		Usage:       "print the program's version",
		Description: "fragua version",
		Action: func(c *cli.Context) error {
			fmt.Fprintln(c.App.Writer, "fragua", version())
			return nil
		},
	}
}

// release, commit and date are set by .ci/release.
var release, commit, date string

// version is the release, or else the module's version, and the commit that the program was built
// from with its date.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v, revision, at, changed := cmp.Or(release, info.Main.Version), commit, date, ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case "vcs.time":
			at, _, _ = strings.Cut(s.Value, "T")
		case "vcs.modified":
			if s.Value == "true" {
				changed = " with changes"
			}
		}
	}
	if v == "" || v == "(devel)" {
		v = "development"
	}
	for _, part := range []string{revision, at} {
		if part != "" && !strings.Contains(v, part) {
			v += " " + part
		}
	}
	return fmt.Sprintf("%s%s %s/%s %s", v, changed, runtime.GOOS, runtime.GOARCH, runtime.Version())
}

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:        "doctor",
		Usage:       "say what this machine offers and what is missing",
		Description: "fragua doctor",
		Action:      doctor,
	}
}

func doctor(c *cli.Context) error {
	w := c.App.Writer
	row := func(what, format string, args ...any) {
		fmt.Fprintf(w, "%-12s %s\n", what, fmt.Sprintf(format, args...))
	}
	row("program", "%s", version())
	row("cores", "%d of %d used", runtime.GOMAXPROCS(0), runtime.NumCPU())
	row("kernels", "%s (this machine can run: %v)", kernel.Level(), kernel.Levels())
	one, all := kernel.Peak(1, false), kernel.Peak(runtime.GOMAXPROCS(0), false)
	row("peak", "%.0f GFLOP/s on one core, %.0f on all, f32", one/1e9, all/1e9)
	row("unicode", "%s", tokenize.UnicodeVersion)
	if root := goRoot(); root != "" {
		row("go", "%s: the quickstart finds Newton's Opticks and Go's documents there", root)
	} else {
		row("go", "not found: the quickstart goes on with the sample alone")
	}
	devices(row)
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".fragua-doctor-*")
	if err != nil {
		row("folder", "%s cannot be written: give --out another folder (%v)", dir, err)
		return nil
	}
	f.Close()
	row("folder", "%s can be written", dir)
	return os.Remove(f.Name())
}

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completion script of a shell",
		ArgsUsage: "bash|zsh|fish",
		Description: `fragua completion bash > /etc/bash_completion.d/fragua
source <(fragua completion zsh)
fragua completion fish > ~/.config/fish/completions/fragua.fish`,
		Action: func(c *cli.Context) error {
			shell, err := oneArgument(c, "shell")
			if err != nil {
				return err
			}
			if shell == "fish" {
				script, err := c.App.ToFishCompletion()
				fmt.Fprint(c.App.Writer, script)
				return err
			}
			script, ok := map[string]string{"bash": bashCompletion, "zsh": zshCompletion}[shell]
			if !ok {
				return usage("no completion for %q: bash, zsh and fish are known", shell)
			}
			fmt.Fprint(c.App.Writer, script)
			return nil
		},
	}
}

func docsCommand() *cli.Command {
	return &cli.Command{
		Name:      "docs",
		Usage:     "print the manual page, or the same as Markdown",
		ArgsUsage: "man|markdown",
		Description: `fragua docs man > /usr/local/share/man/man1/fragua.1
fragua docs markdown > fragua.md`,
		Action: func(c *cli.Context) error {
			format, err := oneArgument(c, "format")
			if err != nil {
				return err
			}
			write, ok := map[string]func() (string, error){"man": func() (string, error) { return c.App.ToManWithSection(1) }, "markdown": c.App.ToMarkdown}[format]
			if !ok {
				return usage("there are no docs as %q, only man and markdown", format)
			}
			text, err := write()
			fmt.Fprint(c.App.Writer, text)
			return err
		},
	}
}

// Both scripts ask the program itself, which lists what may follow.
const (
	bashCompletion = `_fragua() {
  local words=("${COMP_WORDS[@]:0:$COMP_CWORD}")
  COMPREPLY=($(compgen -W "$("${words[@]}" --generate-bash-completion 2>/dev/null)" -- "${COMP_WORDS[$COMP_CWORD]}"))
  [ ${#COMPREPLY[@]} -eq 0 ] && COMPREPLY=($(compgen -f -- "${COMP_WORDS[$COMP_CWORD]}"))
}
complete -o filenames -F _fragua fragua
`
	zshCompletion = `#compdef fragua
_fragua() {
  local -a found
  found=(${(f)"$(${words[1,$CURRENT-1]} --generate-bash-completion 2>/dev/null)"})
  (( $#found )) && compadd -a found || _files
}
compdef _fragua fragua
`
)
