package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fragua/pipeline"
	"fragua/pipeline/store"
	"fragua/pipeline/store/s3test"
)

// TestOnKubernetes runs the data stages in pods that die, with a bucket as the only
// storage that they share: the shards are those of one machine.
func TestOnKubernetes(t *testing.T) {
	s3test.Start(t, t.Setenv)
	started, died := watchDeaths(t)
	server := startKubernetes(t)
	dir, bucket := killerDir(t), "s3://"+s3test.Bucket
	config := strings.ReplaceAll(remote[:strings.Index(remote, "  - name: base")], "use: dedup,", "use: dedup, with: {match: {similar: {similarity: 0.5}}},")
	if err := os.WriteFile(filepath.Join(dir, "road.yaml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	books, err := filepath.Glob(filepath.Join(dir, "sample", "books", "*.txt"))
	if err != nil || len(books) == 0 {
		t.Fatalf("%d books, %v", len(books), err)
	}
	for _, name := range books {
		if _, _, err := store.Copy(t.Context(), name, store.Join(bucket, "library", filepath.Base(name))); err != nil {
			t.Fatal(err)
		}
	}
	raw := []string{"--set", "corpus.sources[0].books.path=" + bucket + "/library/*.txt", "--set", "corpus.part_bytes=16384"}
	mustRun(t, dir, "here", raw...)
	text := mustRun(t, dir, bucket+"/run", slices.Concat(raw, server, []string{"--on", "kubernetes", "--shards", "4", "--set", "cluster.image=fragua:test", "--set", "cluster.visible=100ms"})...)
	for _, stage := range []string{"corpus", "unique", "split", "bpe", "blocks"} {
		x, err := pipeline.ReadManifest(filepath.Join(dir, "here", stage))
		if err != nil {
			t.Fatal(err)
		}
		y, err := pipeline.ReadManifest(bucket + "/run/" + stage)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(x.Shards, y.Shards) || x.Key != y.Key {
			t.Errorf("%s: %+v, and here %+v", stage, y.Shards, x.Shards)
		}
	}
	if n := len(died()); n < deadWorkers {
		t.Errorf("only %d of %d pods died\n%s", n, started(), text)
	}

	// What no pod could find is refused before anything is submitted.
	cmd, told := command(t.Context(), dir, "nowhere", append(raw, "--on", "kubernetes", "--set", "cluster.image=fragua:test")...)
	if err := cmd.Run(); err == nil || !strings.Contains(told.String(), "where no pod finds it") || !strings.Contains(told.String(), "cluster.volume") {
		t.Errorf("a run on this machine: %v\n%s", err, told)
	}
}
