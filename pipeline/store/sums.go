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

	find func(path string) string // see LookIn
}

type rawSum struct {
	Size   int64  `json:"size"`
	Time   int64  `json:"time"` // of the last change, nanoseconds
	XXH3   string `json:"xxh3"`
	Blocks string `json:"blocks"`        // xxh3-64 of each block, eight bytes each, in base64
	Tag    string `json:"tag,omitempty"` // of the version in another store, which is then not read for its checksum
}

// OpenSums reads the checksums that Save wrote into a file, if there are any.
func OpenSums(file string) *Sums {
	s := &Sums{file: file, known: map[string]rawSum{}, now: map[string]rawSum{}}
	if b, err := os.ReadFile(s.file); err == nil && json.Unmarshal(b, &s.known) != nil {
		s.known = map[string]rawSum{} // it only spares reading: a damaged one is made again
	}
	return s
}

// Sum returns the checksum of a raw file, as HashFile writes it. Of a file in another
// store it is the tag of its version, as its server tells it.
func (s *Sums) Sum(path string) (string, error) {
	s.mu.Lock()
	already, ok := s.now[path]
	s.mu.Unlock()
	if ok {
		return already.XXH3, nil
	}
	info, err := Stat(path)
	if err != nil {
		return "", err
	}
	now := rawSum{Size: info.Size, Time: info.Time.UnixNano()}
	if info.Tag != "" {
		now.Tag, now.XXH3 = info.Tag, "etag "+info.Tag
		s.mu.Lock()
		defer s.mu.Unlock()
		s.now[path] = now
		return now.XXH3, nil
	}
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

// Export writes the checksums of files that Sum has seen, and returns the size and the
// checksum of what it wrote.
func (s *Sums) Export(name string, paths []string) (size int64, sum string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := map[string]rawSum{}
	for _, p := range paths {
		list[EscapeName(p)] = s.now[p]
	}
	b, err := json.Marshal(list)
	if err != nil {
		return 0, "", err
	}
	return int64(len(b)), fmt.Sprintf("%016x", xxh3.Hash(b)), WriteFile(name, func(w io.Writer) error { _, err := w.Write(b); return err })
}

// Import takes in what Export wrote, all but the checksums of blocks: then Sum reads
// none of these files.
func (s *Sums) Import(name string) error {
	list, err := readSums(name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, r := range list {
		r.Blocks = ""
		s.now[UnescapeName(key)] = r
	}
	return nil
}

func readSums(name string) (map[string]rawSum, error) {
	b, err := ReadFile(name)
	if err != nil {
		return nil, err
	}
	var list map[string]rawSum
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, &fault.RowError{File: name, Row: -1, Err: err}
	}
	return list, nil
}

// Assume says what Sum returns of a file that nobody has read yet.
func (s *Sums) Assume(path, sum string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.now[path]; !ok {
		s.now[path] = rawSum{XXH3: sum}
	}
}

// LookIn lets checksums be found that Export wrote elsewhere: find names the file that
// holds a path's.
func (s *Sums) LookIn(find func(path string) string) { s.find = find }

// lookUp returns what is known of a raw file.
func (s *Sums) lookUp(path string) (r rawSum, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok = s.now[path]; ok || s.find == nil {
		return r, ok, nil
	}
	list, err := readSums(s.find(path))
	for key, r := range list {
		s.now[UnescapeName(key)] = r
	}
	r, ok = s.now[path]
	return r, ok, err
}

// forget makes the next run hash a file again.
func (s *Sums) forget(path string) error {
	if s.find != nil {
		return nil // whoever hashed it will see its size or time
	}
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
