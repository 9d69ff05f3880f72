//go:build unix

// Command goports runs one of Go's ports of tiktoken on the files that bench
// wrote, and prints one JSON object. It is a module of its own, so that fragua
// does not depend on them.
//
//	goports pkoukk      RANKS.tiktoken DOCS OUT
//	goports tiktoken-go RANKS.tiktoken DOCS OUT
//
// DOCS holds documents, each as a 32-bit length and its bytes; OUT gets the ids
// of each, likewise.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	pkoukk "github.com/pkoukk/tiktoken-go"
	port "github.com/tiktoken-go/tokenizer"
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: goports pkoukk|tiktoken-go RANKS.tiktoken DOCS OUT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, "goports:", err)
		os.Exit(1)
	}
}

func run(name, ranks, docs, out string) error {
	encoding := strings.TrimSuffix(filepath.Base(ranks), ".tiktoken")
	var encode func(string) ([]uint32, error)
	var module string
	switch name {
	case "pkoukk":
		module = "github.com/pkoukk/tiktoken-go"
		pkoukk.SetBpeLoader(loader(ranks))
		t, err := pkoukk.GetEncoding(encoding)
		if err != nil {
			return err
		}
		encode = func(text string) ([]uint32, error) { return narrow(t.EncodeOrdinary(text)), nil }
	case "tiktoken-go":
		module = "github.com/tiktoken-go/tokenizer"
		t, err := port.Get(port.Encoding(encoding))
		if err != nil {
			return err
		}
		encode = func(text string) ([]uint32, error) {
			ids, _, err := t.Encode(text)
			return narrow(ids), err
		}
	default:
		return fmt.Errorf("there is no port %q", name)
	}
	data, err := os.ReadFile(docs)
	if err != nil {
		return err
	}
	var texts []string
	for len(data) >= 4 {
		n := binary.LittleEndian.Uint32(data)
		texts = append(texts, string(data[4:4+n]))
		data = data[4+n:]
	}
	// Lazy vocabularies are loaded here.
	if _, err := encode("x"); err != nil {
		return err
	}
	runtime.GOMAXPROCS(1)
	lists := make([][]uint32, len(texts))
	began, wall := cpu(), time.Now()
	for i, text := range texts {
		if lists[i], err = encode(text); err != nil {
			return err
		}
	}
	told := map[string]any{"cpu": cpu() - began, "wall": time.Since(wall).Seconds(), "version": version(module)}
	var b bytes.Buffer
	for _, ids := range lists {
		_ = binary.Write(&b, binary.LittleEndian, uint32(len(ids)))
		_ = binary.Write(&b, binary.LittleEndian, ids)
	}
	if err := os.WriteFile(out, b.Bytes(), 0o666); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(told)
}

func narrow[T int | uint](ids []T) []uint32 {
	out := make([]uint32, len(ids))
	for i, id := range ids {
		out[i] = uint32(id)
	}
	return out
}

// cpu returns the seconds that this process has worked.
func cpu() float64 {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
}

func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if m.Path == module {
			return m.Version
		}
	}
	return ""
}

// A loader reads the ranks from a file instead of the network.
type loader string

func (file loader) LoadTiktokenBpe(string) (map[string]int, error) {
	data, err := os.ReadFile(string(file))
	if err != nil {
		return nil, err
	}
	ranks := map[string]int{}
	for line := range strings.Lines(string(data)) {
		token, rank, _ := strings.Cut(strings.TrimSpace(line), " ")
		b, err := base64.StdEncoding.DecodeString(token)
		if err != nil {
			return nil, err
		}
		if ranks[string(b)], err = strconv.Atoi(rank); err != nil {
			return nil, err
		}
	}
	return ranks, nil
}
