package shard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"fragua/pipeline/fault"
)

// TestOpenParquet: a damaged or unreadable file costs no memory and says why.
func TestOpenParquet(t *testing.T) {
	type row struct {
		ID string `parquet:"id"`
	}
	write := func(options ...parquet.WriterOption) []byte {
		var b bytes.Buffer
		w := parquet.NewGenericWriter[row](&b, options...)
		if _, err := w.Write([]row{{"a"}, {"b"}}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	good := write()
	footer := func(n uint32) []byte {
		b := bytes.Clone(good)
		binary.LittleEndian.PutUint32(b[len(b)-8:], n)
		return b
	}
	for _, c := range []struct {
		name    string
		content []byte
		want    string // in the error; "": none
	}{
		{"good", good, ""},
		{"empty", nil, "the file is empty or cut short"},
		{"magic", []byte("PAR1"), "the file is empty or cut short"},
		{"text", []byte("id,text\n1,a sentence\n"), `it ends in "nce\n"`},
		{"cut", good[:len(good)-20], "where PAR1 should stand"},
		{"huge", footer(1<<32 - 1), "a footer of 4294967295 bytes in a file of"},
		{"one-more", footer(uint32(len(good) - 11)), "a footer of"},
		{"lz4", write(parquet.Compression(&parquet.Lz4Raw)), ""},
	} {
		name := filepath.Join(t.TempDir(), c.name+".parquet")
		if err := os.WriteFile(name, c.content, 0o666); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n, err := Rows(name)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
			t.Errorf("%s: opening allocated %d MiB", c.name, grown>>20)
		}
		if c.want == "" {
			if err != nil || n != 2 {
				t.Errorf("%s: %d rows, error %v", c.name, n, err)
			}
			continue
		}
		var placed *fault.RowError
		if !errors.As(err, &placed) || placed.File != name || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one of the file with %q", c.name, err, c.want)
		}
		for _, readErr := range Read[row](name) {
			if readErr == nil || readErr.Error() != err.Error() {
				t.Errorf("%s: reading says %v, counting %v", c.name, readErr, err)
			}
		}
	}
	if _, err := Rows(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err)
	}
}
