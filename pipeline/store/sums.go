package store

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/zeebo/xxh3"

	"fragua/pipeline/fault"
)

// Sums knows the checksums of raw files. It reads a file again only when its size
// or its time changed.
type Sums struct {
	file  string
	mu    sync.Mutex
	known map[string]rawSum // by path: what raw.json keeps
	now   map[string]rawSum // of this run
	dirty bool
}

type rawSum struct {
	Size   int64  `json:"size"`
	Time   int64  `json:"time"` // of the last change, nanoseconds
	XXH3   string `json:"xxh3"`
	Blocks string `json:"blocks"` // xxh3-64 of each block, eight bytes each, in base64
}

// OpenSums reads the checksums that Save wrote into a file, if there are any.
func OpenSums(file string) *Sums {
	s := &Sums{file: file, known: map[string]rawSum{}, now: map[string]rawSum{}}
	if b, err := os.ReadFile(s.file); err == nil && json.Unmarshal(b, &s.known) != nil {
		s.known = map[string]rawSum{} // it only spares reading: a damaged one is made anew
	}
	return s
}

// Sum returns the checksum of a raw file, as HashFile writes it.
func (s *Sums) Sum(path string) (string, error) {
	info, err := Stat(path)
	if err != nil {
		return "", err
	}
	now := rawSum{Size: info.Size, Time: info.Time.UnixNano()}
	key := EscapeName(path)
	s.mu.Lock()
	was, ok := s.known[key]
	s.mu.Unlock()
	fresh := !ok || was.Size != now.Size || was.Time != now.Time || was.Blocks == "" && was.Size > 0
	if !fresh {
		now = was
	} else if err := now.read(path); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now[path] = now
	// A file that changed a moment ago may change again within the clock's
	// grain, which nobody would notice.
	if fresh && time.Since(info.Time) > 2*time.Second {
		s.known[key], s.dirty = now, true
	}
	return now.XXH3, nil
}

// read hashes a file, as a whole and block by block.
func (r *rawSum) read(path string) error {
	s, err := For(path)
	if err != nil {
		return err
	}
	f, err := s.Open(context.Background(), path)
	if err != nil {
		return err
	}
	defer f.Close()
	in, all := reader(f), xxh3.New()
	var blocks []byte
	buf := make([]byte, rawBlock)
	for r.Size = 0; ; {
		n, err := io.ReadFull(in, buf)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return &fault.RowError{File: path, Row: -1, Err: err}
		}
		if n > 0 {
			all.Write(buf[:n])
			blocks = binary.LittleEndian.AppendUint64(blocks, xxh3.Hash(buf[:n]))
			r.Size += int64(n)
		}
		if n < len(buf) {
			break
		}
	}
	r.XXH3, r.Blocks = fmt.Sprintf("%016x", all.Sum64()), base64.StdEncoding.EncodeToString(blocks)
	return nil
}

// Save writes what the next run need not read again.
func (s *Sums) Save() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dirty {
		return nil
	}
	s.dirty = false
	return WriteFile(s.file, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "\t")
		return e.Encode(s.known)
	})
}

// forget makes the next run hash a file again.
func (s *Sums) forget(path string) error {
	s.mu.Lock()
	delete(s.known, EscapeName(path))
	s.dirty = true
	s.mu.Unlock()
	return s.Save()
}

// With returns a context in which OpenRaw holds what is read against the sums.
func (s *Sums) With(ctx context.Context) context.Context {
	return context.WithValue(ctx, sumsKey{}, s)
}

// sumsKey is where a stage's context holds the checksums of its raw files.
type sumsKey struct{}
