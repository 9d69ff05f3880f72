package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fragua/pipeline/fault"
)

// TestRawReader: what is read is what was hashed, in any order; a block that
// changed since, at the same size and time, is an error that names the file, and
// the next run hashes the file again.
func TestRawReader(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "raw.txt")
	content := make([]byte, 3*rawBlock+777)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range content {
		content[i] = byte(random.Uint32())
	}
	old := time.Now().Add(-time.Hour).Truncate(time.Second)
	write := func() {
		if err := errors.Join(os.WriteFile(path, content, 0o666), os.Chtimes(path, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	write()
	h := OpenSums(filepath.Join(root, "raw.json"))
	before, err := h.Sum(path)
	if err != nil || h.Save() != nil {
		t.Fatal(err)
	}
	ctx := h.With(context.Background())
	r, err := OpenRaw(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); err != nil || !bytes.Equal(b, content) {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	r.BackAndForth()
	for range 200 {
		at := random.IntN(len(content))
		b := make([]byte, random.IntN(rawBlock))
		n, err := r.ReadAt(b, int64(at))
		if want := content[at:min(at+len(b), len(content))]; !bytes.Equal(b[:n], want) || (err == io.EOF) != (len(want) < len(b)) {
			t.Fatalf("%d bytes at %d: %d, %v", len(b), at, n, err)
		}
	}
	r.Close()

	content[2*rawBlock+5] ^= 1
	write()
	r, err = OpenRaw(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := make([]byte, 10)
	if _, err := r.ReadAt(b, 0); err != nil {
		t.Errorf("a block that did not change: %v", err)
	}
	_, err = r.ReadAt(b, 2*rawBlock)
	var hint *fault.Hint
	if !errors.As(err, &hint) || !strings.Contains(err.Error(), path+": the file changed while the stage ran") || r.Err() == nil {
		t.Errorf("a block that changed: %v", err)
	}
	if after, err := OpenSums(filepath.Join(root, "raw.json")).Sum(path); err != nil || after == before {
		t.Errorf("the next run: %s, was %s, %v", after, before, err)
	}

	content = content[:len(content)-1]
	write()
	if _, err := OpenRaw(ctx, path); err == nil {
		t.Error("a shorter file opens")
	}
}
