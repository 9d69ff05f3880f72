package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"fragua": func() { os.Exit(fragua()) }})
}

// The stories are shell sessions with their files inside; they run the real main.
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("GOROOT", "")                              // no story depends on Go's own files
			models, err := filepath.Abs("../../model/testdata") // small checkpoints of transformers
			e.Setenv("MODELS", models)
			return err
		},
	})
}
