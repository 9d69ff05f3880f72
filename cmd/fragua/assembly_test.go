package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The committed assembly is what its generators write. These are modules of their own with
// their own dependencies: where those cannot be had, the test is skipped.
func TestAssemblyIsFresh(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the generators")
	}
	for _, room := range []string{"model/kernel", "tokenize"} {
		t.Run(room, func(t *testing.T) {
			here, dir := filepath.Join("..", "..", room), t.TempDir()
			build := exec.Command("go", "build", "-o", filepath.Join(dir, "gen"), ".")
			build.Dir, build.Env = filepath.Join(here, "gen"), append(os.Environ(), "GOWORK=off")
			if out, err := build.CombinedOutput(); err != nil {
				t.Skipf("the generator does not build here: %v\n%s", err, out)
			}
			written := filepath.Join(dir, "out")
			if err := os.Mkdir(written, 0o755); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(filepath.Join(dir, "gen"), "-o", written).CombinedOutput(); err != nil {
				t.Fatalf("gen: %v\n%s", err, out)
			}
			files := assembly(t, written)
			if len(files) == 0 {
				t.Fatal("the generator wrote nothing")
			}
			committed := assembly(t, here)
			for name, want := range files {
				if !bytes.Equal(committed[name], want) {
					t.Errorf("%s is stale: cd %s/gen && go run .", name, room)
				}
			}
			if len(committed) != len(files) {
				t.Errorf("%d files of assembly are here, the generator writes %d", len(committed), len(files))
			}
		})
	}
}

// assembly reads the generated files of a folder and of its folders, by their path in it.
func assembly(t *testing.T, dir string) map[string][]byte {
	files := map[string][]byte{}
	for _, pattern := range []string{"asm_*", "*/asm_*"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel(dir, path)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = text
		}
	}
	return files
}
