package corpus

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"fragua/pipeline"
	"fragua/pipeline/shard"
)

// stageTable is this package's share of the table of stages.
var stageTable = pipeline.Table{
	"ingest": func() pipeline.Stage { return NewIngest() },
	"dedup":  func() pipeline.Stage { return NewDedup() },
	"filter": func() pipeline.Stage { return NewFilter() },
	"mix":    func() pipeline.Stage { return NewMix() },
}

// run carries out a recipe over files below dir, and returns the run directory.
func run(t *testing.T, dir, recipe string, o pipeline.Options) *pipeline.Result {
	t.Helper()
	c, err := pipeline.Parse("test.yaml", []byte(recipe), dir, stageTable, nil)
	if err == nil {
		err = c.CheckFiles()
	}
	if err != nil {
		t.Fatal(err)
	}
	if o.Out == "" {
		o.Out = t.TempDir()
	}
	result, err := pipeline.Run(context.Background(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range result.Stages {
		if err := s.Dir.Manifest.Counts.Check(); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
	return result
}

// write puts files into a new folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// documents reads all shards of a stage.
func documents(t *testing.T, dir pipeline.Dir, patterns ...string) (all []Document) {
	t.Helper()
	if patterns == nil {
		patterns = DocumentShards
	}
	for _, name := range dir.Files(patterns...) {
		for d, err := range shard.Read[Document](name) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, d)
		}
	}
	return all
}

// rejected reads all rejects of a stage.
func rejected(t *testing.T, dir pipeline.Dir) (all []Reject) {
	t.Helper()
	for _, name := range dir.Files("rejects/*.parquet") {
		for r, err := range shard.Read[Reject](name) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, r)
		}
	}
	return all
}

// TestSchemas holds the columns of documents and rejects: other programs read
// them, and older shards have them.
func TestSchemas(t *testing.T) {
	got := parquet.NewSchema("document", parquet.SchemaOf(Document{})).String() + "\n" +
		parquet.NewSchema("reject", parquet.SchemaOf(Reject{})).String() + "\n"
	golden(t, "testdata/schemas.txt", got)
}

var update = os.Getenv("UPDATE_GOLDEN") != ""

func golden(t *testing.T, name, got string) {
	t.Helper()
	if update {
		if err := os.WriteFile(name, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got); UPDATE_GOLDEN=1 writes it anew\n%s", name, diff)
	}
}

// sums returns the checksum of every file of a stage.
func sums(t *testing.T, dir string) string {
	t.Helper()
	var s strings.Builder
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		fmt.Fprintf(&s, "%x %s\n", sha256.Sum256(b), filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.String()
}
