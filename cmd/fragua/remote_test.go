package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fragua/configs"
	"fragua/pipeline"
	"fragua/pipeline/store"
	"fragua/pipeline/store/s3test"
)

// remote is a short road from a library in S3: its stages stream documents, and map
// blocks into memory.
const remote = `seed: 11
stages:
  - name: corpus
    use: ingest
    with: {sources: [books: {path: elsewhere}], steps: [repair], part_bytes: 4096}
  - {name: unique, use: dedup, from: [corpus]}
  - {name: split, use: mix, from: [unique], with: {validation: 0.1, test: 0, group_by: id}}
  - {name: bpe, use: tokenizer, from: [split], with: {vocab_size: 600}}
  - {name: blocks, use: pack, from: [split, bpe], with: {context: 32}}
  - name: base
    use: pretrain
    from: [blocks]
    with: {arch: {gpt: {layers: 1, width: 32, heads: 2}}, steps: 20, batch: 4, eval_every: 10, checkpoint_every: 100ms}
`

// TestRunInS3 runs in a bucket, from a library in it, while the server is killed,
// restarted and halted, and the run is killed too: the bucket holds the bytes of an
// undisturbed run, whose shards are those of a run on this machine.
func TestRunInS3(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("windows has no signals to halt the server with")
	}
	server := s3test.Start(t, t.Setenv)
	dir, bucket := t.TempDir(), "s3://"+s3test.Bucket
	if err := os.CopyFS(filepath.Join(dir, "library"), configs.Sample()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "road.yaml"), []byte(remote), 0o644); err != nil {
		t.Fatal(err)
	}
	books, err := filepath.Glob(filepath.Join(dir, "library", "books", "*.txt"))
	if err != nil || len(books) == 0 {
		t.Fatalf("%d books, %v", len(books), err)
	}
	for _, name := range books {
		if _, _, err := store.Copy(t.Context(), name, store.Join(bucket, "library", "books", filepath.Base(name))); err != nil {
			t.Fatal(err)
		}
	}
	library := []string{"--set", "corpus.sources[0].books.path=" + bucket + "/library/**/*.txt"}

	mustRun(t, dir, bucket+"/calm", library...)
	calm := objects(t, bucket+"/calm")
	mustRun(t, dir, "here", "--set", "corpus.sources[0].books.path=library/**/*.txt")
	sameShards(t, bucket+"/calm", filepath.Join(dir, "here"))

	stop := make(chan struct{})
	disturbed := make(chan struct{})
	go func() {
		defer close(disturbed)
		disturb(server, stop)
	}()
	rng := rand.New(rand.NewPCG(3, 4))
	done := false
	for i := 0; i < 40 && !done; i++ {
		cmd, text := command(t.Context(), dir, bucket+"/killed", library...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		death := time.AfterFunc(time.Duration(300+rng.IntN(4000))*time.Millisecond*time.Duration(i+1), func() { cmd.Process.Kill() })
		err := cmd.Wait()
		death.Stop()
		done = err == nil
		if !done && cmd.ProcessState.ExitCode() != -1 && !(strings.Contains(text.String(), bucket) && strings.Contains(text.String(), "hint: ")) {
			t.Errorf("life %d: the error does not name a file and a remedy: %v\n%s", i, err, text)
		}
	}
	close(stop)
	<-disturbed
	mustRun(t, dir, bucket+"/killed", library...)
	sameBytes(t, objects(t, bucket+"/killed"), calm)
	for f, err := range store.List(t.Context(), bucket+"/killed/.fragua/work", true) {
		t.Errorf("left behind: %s, %v", f.Name, err)
	}

	book := store.Join(bucket, "library", "books", filepath.Base(books[0]))
	for _, c := range [][]string{
		{"inspect", bucket + "/calm"}, {"inspect", bucket + "/calm/split"}, {"inspect", bucket + "/calm/split/train-00000.parquet"},
		{"text", "language", book}, {"text", "extract", book}, {"tokenizer", "train", "--vocab-size", "300", "-o", filepath.Join(dir, "tokenizer.json"), book},
		{"tokenizer", "encode", "--tokenizer", filepath.Join(dir, "tokenizer.json"), book}, {"score", book, book},
		{"inspect", bucket + "/calm/blocks/train-00000.arrow"}, {"inspect", bucket + "/calm/base"}, {"generate", bucket + "/calm/base", "--prompt", "The", "--tokens", "3"},
	} {
		if out, err := exec.Command("fragua", c...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", c, err, out)
		}
	}
}

// disturb kills and halts the server at random moments.
func disturb(server *s3test.Server, stop chan struct{}) {
	rng := rand.New(rand.NewPCG(1, 2))
	wait := func(most int) { time.Sleep(time.Duration(rng.IntN(most)) * time.Millisecond) }
	for {
		select {
		case <-stop:
			return
		default:
		}
		wait(1500)
		if rng.IntN(2) == 0 {
			server.Down()
			wait(800)
			server.Up()
		} else {
			server.Signal(syscall.SIGSTOP)
			wait(800)
			server.Signal(syscall.SIGCONT)
		}
	}
}

// objects is the content of every file of the finished stages of a run.
func objects(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for f, err := range store.List(t.Context(), root, true) {
		if err != nil {
			t.Fatal(err)
		}
		name := store.Rel(root, f.Name)
		if strings.HasPrefix(name, ".") || name == "run.json" || name == "report.html" {
			continue // times and hosts stand here, and nowhere else
		}
		b, err := store.ReadFile(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(b)
	}
	return files
}

// sameShards compares the files of two runs by their manifests.
func sameShards(t *testing.T, a, b string) {
	t.Helper()
	for _, stage := range []string{"corpus", "unique", "split", "bpe", "blocks", "base"} {
		x, err := pipeline.ReadManifest(store.Join(a, stage))
		if err != nil {
			t.Fatal(err)
		}
		y, err := pipeline.ReadManifest(store.Join(b, stage))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(x.Shards, y.Shards) {
			t.Errorf("%s: %+v, and on this machine %+v", stage, x.Shards, y.Shards)
		}
	}
}
