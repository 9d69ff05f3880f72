package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	commands := map[string]func(){"fragua": func() { os.Exit(mortal(fragua, plannedDeaths(deadWorkers, deadNodes), killNode)) }}
	maps.Copy(commands, schedulers)
	testscript.Main(m, commands)
}

// The stories are shell sessions with their files inside; they run the real main.
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"flip": flip},
		Setup: func(e *testscript.Env) error {
			e.Setenv("GOROOT", "")                              // no story depends on Go's own files
			models, err := filepath.Abs("../../model/testdata") // small checkpoints of transformers
			e.Setenv("MODELS", models)
			return err
		},
	})
}

// flip changes one bit in the middle of a file.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: flip FILE")
	}
	name := ts.MkAbs(args[0])
	b, err := os.ReadFile(name)
	ts.Check(err)
	at := len(b) / 2
	for b[at] < 'a' && at < len(b)-1 && strings.HasSuffix(name, ".json") { // in JSON a letter, so that it stays JSON
		at++
	}
	b[at] ^= 1
	ts.Check(os.WriteFile(name, b, 0o666))
}
