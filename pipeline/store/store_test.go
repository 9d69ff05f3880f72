package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"fragua/pipeline/fault"
	"fragua/pipeline/store"
	"fragua/pipeline/store/s3test"
)

// TestStores holds every store to the same promises.
func TestStores(t *testing.T) {
	t.Run("local", func(t *testing.T) { conform(t, t.TempDir()) })
	t.Run("s3", func(t *testing.T) {
		s3test.Start(t, t.Setenv)
		conform(t, "s3://"+s3test.Bucket+"/some/where")
	})
}

func conform(t *testing.T, root string) {
	ctx := t.Context()
	st, err := store.For(root)
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return store.Join(root, name) }
	write := func(name string, content []byte) {
		t.Helper()
		if err := store.WriteFile(at(name), func(w io.Writer) error { _, err := w.Write(content); return err }); err != nil {
			t.Fatal(err)
		}
	}
	large := make([]byte, 40<<20+7) // three parts of an upload
	rand.NewChaCha8([32]byte{1}).Read(large)
	write("a/small", []byte("one"))
	write("a/small", []byte("two")) // replaces it
	write("a/b/large", large)
	write("a/b/{x,y} é?#%.txt", nil)

	t.Run("read", func(t *testing.T) {
		for name, want := range map[string][]byte{"a/small": []byte("two"), "a/b/large": large, "a/b/{x,y} é?#%.txt": nil} {
			got, err := store.ReadFile(at(name))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
		}
		r, err := st.Open(ctx, at("a/b/large"))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		rng := rand.New(rand.NewPCG(1, 2))
		for range 20 {
			from, n := rng.IntN(len(large)), rng.IntN(1<<20)
			p := make([]byte, n)
			k, err := r.ReadAt(p, int64(from))
			want := large[from:min(from+n, len(large))]
			if !bytes.Equal(p[:k], want) || (err == io.EOF) != (k < n) || err != nil && err != io.EOF {
				t.Fatalf("%d bytes at %d: %d, %v", n, from, k, err)
			}
		}
		size, sum, err := store.HashFile(at("a/b/large"))
		copied, same, err2 := store.Copy(ctx, at("a/b/large"), at("copy"))
		if err != nil || err2 != nil || size != int64(len(large)) || copied != size || same != sum {
			t.Errorf("hash: %d %s %v, copy: %d %s %v", size, sum, err, copied, same, err2)
		}
	})
	t.Run("list", func(t *testing.T) {
		list := func(dir string, deep bool) (names []string) {
			for f, err := range st.List(ctx, dir, deep) {
				if err != nil {
					t.Fatal(err)
				}
				names = append(names, fmt.Sprint(store.Rel(root, f.Name), " ", f.Dir))
			}
			return names
		}
		for _, c := range []struct {
			dir  string
			deep bool
			want string
		}{
			{"a", true, "a/b/large false|a/b/{x,y} é?#%.txt false|a/small false"},
			{"a", false, "a/b true|a/small false"},
			{"nothing", true, ""},
		} {
			if got := strings.Join(list(at(c.dir), c.deep), "|"); got != c.want {
				t.Errorf("%s: %s, want %s", c.dir, got, c.want)
			}
		}
		found, err := store.Glob(ctx, root, "a/**/{large,small}")
		if err != nil || len(found) != 2 {
			t.Errorf("glob: %v, %v", found, err)
		}
	})
	t.Run("stat", func(t *testing.T) {
		if f, err := st.Stat(ctx, at("a/small")); err != nil || f.Size != 3 || f.Dir || f.Time.IsZero() {
			t.Errorf("%+v, %v", f, err)
		}
		if f, err := st.Stat(ctx, at("a/b")); err != nil || !f.Dir {
			t.Errorf("%+v, %v", f, err)
		}
		_, err := st.Stat(ctx, at("missing"))
		_, err2 := st.Open(ctx, at("missing"))
		for _, err := range []error{err, err2} {
			if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "missing") {
				t.Errorf("a missing file: %v", err)
			}
		}
	})
	t.Run("abort", func(t *testing.T) {
		for _, content := range [][]byte{[]byte("few"), large} {
			f, err := store.Create(at("aborted"))
			if err != nil {
				t.Fatal(err)
			}
			f.Write(content)
			f.Abort()
			if store.Exists(at("aborted")) {
				t.Errorf("a file of %d bytes that was aborted is there", len(content))
			}
		}
	})
	t.Run("one winner", func(t *testing.T) {
		var won atomic.Int32
		var winner string
		var g sync.WaitGroup
		for i := range 16 {
			g.Go(func() {
				mine := fmt.Sprint("attempt ", i)
				switch err := st.PutNew(ctx, at("work/record"), []byte(mine)); {
				case err == nil:
					won.Add(1)
					winner = mine
				case !errors.Is(err, fs.ErrExist):
					t.Errorf("attempt %d: %v", i, err)
				}
			})
		}
		g.Wait()
		if got, err := store.ReadFile(at("work/record")); won.Load() != 1 || string(got) != winner || err != nil {
			t.Errorf("%d winners, %q lies there, %v", won.Load(), got, err)
		}
	})
	t.Run("move and remove", func(t *testing.T) {
		if err := st.Move(ctx, at("copy"), at("moved/copy")); err != nil {
			t.Fatal(err)
		}
		if store.Exists(at("copy")) || !store.Exists(at("moved/copy")) {
			t.Error("it was not moved")
		}
		for _, name := range []string{"a", "moved/copy", "missing"} {
			if err := st.Remove(ctx, at(name)); err != nil || store.Exists(at(name)) {
				t.Errorf("%s: %v, or it is still there", name, err)
			}
		}
	})
}

// TestS3Errors: what goes wrong is told with the file and a remedy.
func TestS3Errors(t *testing.T) {
	s3test.Start(t, t.Setenv)
	told := func(name, want, hint string, err error) {
		t.Helper()
		var h *fault.Hint
		if err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, &h) || !strings.Contains(h.Fix, hint) {
			t.Errorf("%s: %v, hint %v", name, err, h)
		}
	}
	_, err := store.ReadFile("s3://nobucket/file")
	told("no bucket", "there is no bucket nobucket", "AWS_ENDPOINT_URL", err)
	_, err = store.For("ftp://host/file")
	told("unknown store", "no store of this kind", "s3://", err)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	_, err = store.ReadFile("s3://" + s3test.Bucket + "/file")
	told("wrong key", "refuses", "AWS_SECRET_ACCESS_KEY", err)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	err = store.WriteFile("s3://"+s3test.Bucket+"/file", func(io.Writer) error { return nil })
	told("no key", "no credentials for S3", "AWS_PROFILE", err)
}

// TestFetch: a copy that is damaged is fetched again, and what is not what was
// written is an error.
func TestFetch(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "cache", "to")
	write := func(name, content string) {
		if err := store.WriteFile(name, func(w io.Writer) error { _, err := io.WriteString(w, content); return err }); err != nil {
			t.Fatal(err)
		}
	}
	write(from, "right")
	size, sum, err := store.HashFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(to, "wrong")
	if err := store.Fetch(context.Background(), from, to, size, sum); err != nil {
		t.Fatal(err)
	}
	if b, _ := store.ReadFile(to); string(b) != "right" {
		t.Errorf("the copy holds %q", b)
	}
	write(from, "other")
	write(to, "wrong")
	if err := store.Fetch(context.Background(), from, to, size, sum); err == nil || store.Exists(to) {
		t.Errorf("another content was taken: %v", err)
	}
}
