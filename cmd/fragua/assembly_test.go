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
			files, err := filepath.Glob(filepath.Join(written, "asm_*"))
			if err != nil || len(files) == 0 {
				t.Fatalf("the generator wrote nothing (%v)", err)
			}
			for _, f := range files {
				want, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := os.ReadFile(filepath.Join(here, filepath.Base(f))); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s is stale: cd %s/gen && go run .", filepath.Base(f), room)
				}
			}
			if committed, _ := filepath.Glob(filepath.Join(here, "asm_*")); len(committed) != len(files) {
				t.Errorf("%d files of assembly are here, the generator writes %d", len(committed), len(files))
			}
		})
	}
}
