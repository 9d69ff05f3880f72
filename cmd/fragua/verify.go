package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"fragua/pipeline"
	"fragua/pipeline/fault"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "read every file of a run's finished stages and compare it with its checksum",
		ArgsUsage: "RUN",
		Description: `fragua verify runs/quickstart
fragua verify runs/quickstart/base      a stage alone

It ends with exit code 1 if a file differs, and says what to run again.`,
		Action: verifyAction,
	}
}

func verifyAction(c *cli.Context) error {
	path, err := oneArgument(c, "run")
	if err != nil {
		return err
	}
	var dirs []pipeline.Dir
	config := "CONFIG"
	m, err := pipeline.ReadManifest(path)
	switch {
	case err == nil:
		dirs = []pipeline.Dir{{Path: path, Manifest: m}}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	default:
		run, err := pipeline.OpenRun(path)
		if err != nil {
			return err
		}
		config = shellQuote(run.Info.Config)
		for _, info := range run.Info.Stages {
			if dir, ok := run.Stage(info.Name); ok {
				dirs = append(dirs, dir)
			} else {
				fmt.Fprintf(c.App.Writer, "%-12s not finished\n", info.Name)
			}
		}
	}
	var again []string
	var files, size int64
	for _, dir := range dirs {
		var faults []error
		for _, f := range dir.Manifest.Shards {
			if err := c.Context.Err(); err != nil {
				return err
			}
			files, size = files+1, size+f.Bytes
			if err := pipeline.VerifyFile(dir.Path, f); err != nil {
				faults = append(faults, err)
			}
		}
		if faults == nil {
			fmt.Fprintf(c.App.Writer, "%-12s %s as written\n", dir.Manifest.Stage, plural(len(dir.Manifest.Shards), "file"))
			continue
		}
		again = append(again, dir.Manifest.Stage)
		for _, err := range faults {
			fmt.Fprintf(c.App.Writer, "%-12s %v\n", dir.Manifest.Stage, fault.Printable(err.Error()))
		}
	}
	if again == nil {
		fmt.Fprintf(c.App.Writer, "%s, %s: nothing differs\n", plural(files, "file"), bytesText(size))
		return nil
	}
	out := path
	if m != nil {
		out = filepath.Dir(path)
	}
	return fault.Hintf(fmt.Errorf("%s of %s differ from what was written", strings.Join(again, ", "), path),
		"fragua run %s --out %s --only %s --force; then run all, so that what read them is made again", config, shellQuote(out), strings.Join(again, ","))
}

// shellQuote writes an argument so that a shell reads it as it is.
func shellQuote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:,=@%+", r))
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
