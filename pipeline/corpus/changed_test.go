package corpus

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fragua/pipeline"
)

// TestFileChangesMeanwhile: a file that changes between the key and its reading
// stops the stage, whatever it looks like, and the next run reads it as it is.
func TestFileChangesMeanwhile(t *testing.T) {
	for name, contents := range map[string][2]string{
		"a.txt":     {"A short story of a few words.", "A short story of a few fords."},
		"a.jsonl":   {`{"text": "one two three"}`, `{"text": "one two seven"}`},
		"a.txt.gz":  {packed(t, ".gz", "A short story."), packed(t, ".gz", "A short glory.")},
		"a.parquet": {parquetFile(t, []row{{"one", "u", 1}}), parquetFile(t, []row{{"two", "u", 1}})},
	} {
		dir := write(t, map[string]string{"raw/" + name: contents[0]})
		path := filepath.Join(dir, "raw", name)
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
		kind := map[string]string{".txt": "text", ".jsonl": "jsonl", ".gz": "text", ".parquet": "parquet"}[filepath.Ext(name)]
		recipe := "stages: [{name: corpus, use: ingest, with: {sources: [{" + kind + ": {path: raw}}]}}]"
		c, err := pipeline.Parse("test.yaml", []byte(recipe), dir, stageTable, nil)
		if err == nil {
			err = c.CheckFiles()
		}
		if err != nil {
			t.Fatal(err)
		}
		out := t.TempDir()
		changed := false
		_, err = pipeline.Run(context.Background(), c, pipeline.Options{Out: out, Observe: func(e pipeline.Event) {
			if e.Kind == pipeline.EventPhase && !changed {
				changed = true
				if err := errors.Join(os.WriteFile(path, []byte(contents[1]), 0o666), os.Chtimes(path, old, old)); err != nil {
					t.Error(err)
				}
			}
		}})
		if err == nil || !strings.Contains(err.Error(), "the file changed while the stage ran") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := pipeline.Run(context.Background(), c, pipeline.Options{Out: out}); err != nil {
			t.Errorf("%s: the next run: %v", name, err)
		}
	}
}
