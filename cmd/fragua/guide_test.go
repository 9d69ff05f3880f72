package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"fragua/cmd/fragua/guide"
	"fragua/configs"
)

// Every command of every guide runs, in its order, on the sample.
func TestGuides(t *testing.T) {
	dir := t.TempDir()
	commands := map[string][]string{} // by guide, the same in each language but for the examples
	for _, language := range guide.Languages {
		for _, g := range guide.All(language) {
			lines := commandsOf(g.Text)
			for _, l := range lines {
				if !strings.HasPrefix(l, "fragua ") {
					t.Errorf("guide %s (%s): %q is no command of ours", g.Name, language, l)
				}
			}
			commands[g.Name] = append(commands[g.Name], fmt.Sprint(len(lines)))
			if len(lines) > 0 {
				script := "exec " + strings.Join(lines, "\nexec ") + "\n"
				if err := os.WriteFile(filepath.Join(dir, g.Name+"_"+language+".txt"), []byte(script), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for name, counts := range commands {
		if len(counts) != len(guide.Languages) || len(slices.Compact(counts)) != 1 {
			t.Errorf("guide %s has %v commands in %v", name, counts, guide.Languages)
		}
	}
	testscript.Run(t, testscript.Params{Dir: dir, RequireExplicitExec: true, Setup: func(e *testscript.Env) error {
		e.Setenv("GOROOT", "")
		return laySample(e.WorkDir)
	}})
}

// commandsOf returns the lines of the blocks marked as shell.
func commandsOf(text string) (lines []string) {
	inside := false
	for line := range strings.Lines(text) {
		switch line = strings.TrimSuffix(line, "\n"); {
		case line == "```sh":
			inside = true
		case line == "```":
			inside = false
		case inside:
			lines = append(lines, line)
		}
	}
	return lines
}

// laySample puts the sample where the guides want a reader's files.
func laySample(dir string) error {
	for from, to := range map[string]string{"books/*": "novels", "pages/*": "pages", "sentiment.csv": "reviews.csv", "pairs.tsv": "pairs.tsv"} {
		names, err := fs.Glob(configs.Sample(), from)
		if err != nil {
			return err
		}
		for _, name := range names {
			b, err := fs.ReadFile(configs.Sample(), name)
			if err != nil {
				return err
			}
			out := filepath.Join(dir, to)
			if strings.HasSuffix(from, "*") {
				out = filepath.Join(out, path.Base(name))
			}
			if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(out, b, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
