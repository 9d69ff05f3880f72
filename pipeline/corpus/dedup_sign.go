package corpus

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"path/filepath"
	"slices"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/minhash"
	"fragua/pipeline/store"
)

// A signer reads the documents of one task.
type signer struct {
	order     func(d *Document, words int) uint64
	scanner   *minhash.Scanner
	signature minhash.Signature
	sample    []uint64
	windows   map[int]*minhash.Scanner // by their words
}

func (s *Dedup) newSigner(c comparer) *signer {
	words := 1
	if near, ok := c.(nearMatch); ok {
		words = near.shingleWords()
	}
	return &signer{order: s.order, scanner: minhash.NewScanner(words)}
}

// foldedWords returns the words of a short text as they are compared.
func foldedWords(text string) []string { return minhash.Words(text) }

// distinct sorts a list and leaves each number once.
func distinct(list []uint64) []uint64 {
	slices.Sort(list)
	return slices.Compact(list)
}

// partitions returns over how many tasks the keys are spread. It depends on the inputs alone.
func (s *Dedup) partitions(env *pipeline.Env, c interface{ expect(docs, words int64) int64 }) int {
	var docs, words int64
	for _, dir := range env.In["documents"] {
		if dir.Manifest != nil {
			words += dir.Manifest.Counts.Sums["words"]
		}
	}
	for _, p := range shardParts(env) {
		docs += p.Rows
	}
	return int(1 + c.expect(docs, words)/partitionKeys)
}

func keysFile(shard int) string { return fmt.Sprintf("keys-%05d.bin", shard) }
func idsFile(shard int) string  { return fmt.Sprintf("ids-%05d.bin", shard) }

// sign writes the ids and the keys of a shard's documents.
func (s *Dedup) sign(ctx context.Context, env *pipeline.Env, t pipeline.Task) (counts pipeline.Counts, err error) {
	c := s.Match.match.(comparer)
	signer := s.newSigner(c)
	return s.writeKeys(ctx, env, t, s.partitions(env, c), func(d *Document, doc uint32, add func(keyRecord) error) (err error) {
		c.keys(signer, d, func(r keyRecord) {
			if r.Doc = doc; err == nil {
				err = add(r)
			}
		})
		return err
	})
}

// writeKeys writes the ids of a shard's documents, and the keys that keys adds.
func (s *Dedup) writeKeys(ctx context.Context, env *pipeline.Env, t pipeline.Task, partitions int,
	keys func(d *Document, doc uint32, add func(keyRecord) error) error) (counts pipeline.Counts, err error) {
	part, name, err := shardOf(env, t)
	if err != nil {
		return counts, err
	}
	env.Progress.Expect(part.Rows, "documents")
	ids, err := newRecordWriter[idRecord](env, idsFile(part.Number))
	if err != nil {
		return counts, err
	}
	defer ids.file.Abort()
	w, err := newKeyWriter(env, keysFile(part.Number), partitions)
	if err != nil {
		return counts, err
	}
	defer w.file.Abort()
	first := numberDocuments(env).first[part.Number]
	row := int64(0)
	for d, err := range readDocuments(env, name) {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return counts, err
		}
		id, err := parseID(d.ID)
		if err != nil {
			return counts, &fault.RowError{File: name, Row: row, Err: err}
		}
		if err := ids.write(id); err != nil {
			return counts, err
		}
		if err := keys(d, uint32(first+row), w.add); err != nil {
			return counts, err
		}
		row++
	}
	counts.Read, counts.Kept = row, row
	if err := ids.close(&counts); err != nil {
		return counts, err
	}
	return counts, w.close(&counts)
}

// An idRecord is a document's id.
type idRecord [16]byte

func (idRecord) Size() int              { return 16 }
func (r idRecord) Put(b []byte)         { copy(b, r[:]) }
func (idRecord) Get(b []byte) idRecord  { return idRecord(b[:16]) }
func (r idRecord) Compare(idRecord) int { return 0 }
func (r idRecord) String() string       { return hex.EncodeToString(r[:]) }

// parseID reads a document's id.
func parseID(id string) (r idRecord, err error) {
	if k, err := hex.Decode(r[:], []byte(id[:min(len(id), 32)])); err != nil || k != 16 || len(id) != 32 {
		return r, fmt.Errorf("id %q is not 32 hex digits", id)
	}
	return r, nil
}

// A keyWriter writes keys by partition, in chunks that fit in memory:
//
//	uint32 × (partitions + 1)   how many keys of the chunk lie before each partition
//	keyRecord × …
type keyWriter struct {
	name       string
	file       *store.File
	partitions int
	buf        []keyRecord
	out        []byte
}

func newKeyWriter(env *pipeline.Env, name string, partitions int) (*keyWriter, error) {
	name = filepath.Join(env.Out, name)
	f, err := store.Create(name)
	return &keyWriter{name: name, file: f, partitions: partitions}, err
}

// partitionOf spreads keys evenly: they are hashes.
func partitionOf(k minhash.Key, partitions int) int {
	high, _ := bits.Mul64(k.High, uint64(partitions))
	return int(high)
}

func (w *keyWriter) add(r keyRecord) error {
	if len(w.buf) == partitionKeys/2 {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.buf = append(w.buf, r)
	return nil
}

func (w *keyWriter) flush() error {
	before := make([]uint32, w.partitions+1)
	for _, r := range w.buf {
		before[partitionOf(r.Key, w.partitions)+1]++
	}
	w.out = w.out[:0]
	for i := range w.partitions {
		before[i+1] += before[i]
	}
	for _, n := range before {
		w.out = binary.LittleEndian.AppendUint32(w.out, n)
	}
	head, size := len(w.out), keyRecord{}.Size()
	w.out = slices.Grow(w.out, len(w.buf)*size)[:head+len(w.buf)*size]
	for _, r := range w.buf {
		p := partitionOf(r.Key, w.partitions)
		r.Put(w.out[head+int(before[p])*size:])
		before[p]++
	}
	w.buf = w.buf[:0]
	_, err := w.file.Write(w.out)
	return store.DiskFull(w.name, err)
}

func (w *keyWriter) close(counts *pipeline.Counts) error {
	if len(w.buf) > 0 {
		if err := w.flush(); err != nil {
			return err
		}
	}
	return commitFile(w.file, w.name, counts)
}

// readKeys hands over the keys of a partition from a file.
func readKeys(name string, partition, partitions int, add func(keyRecord) error) error {
	f, err := store.Open(context.Background(), name)
	if err != nil {
		return err
	}
	defer f.Close()
	damaged := func(err error) error { return &fault.RowError{File: name, Row: -1, Err: err} }
	size := int64(keyRecord{}.Size())
	var buf []byte
	for at := int64(0); at < f.Info().Size; {
		var head [12]byte
		if _, err := f.ReadAt(head[:8], at+4*int64(partition)); err != nil {
			return damaged(err)
		}
		if _, err := f.ReadAt(head[8:], at+4*int64(partitions)); err != nil {
			return damaged(err)
		}
		from, to, all := binary.LittleEndian.Uint32(head[:]), binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint32(head[8:])
		if from > to || to > all || all == 0 || all > partitionKeys {
			return damaged(fmt.Errorf("the counts of keys are %d, %d and %d", from, to, all))
		}
		body := at + 4*int64(partitions+1)
		at = body + int64(all)*size
		buf = slices.Grow(buf[:0], int(int64(to-from)*size))[:int64(to-from)*size]
		if _, err := f.ReadAt(buf, body+int64(from)*size); err != nil {
			return damaged(err)
		}
		for b := buf; len(b) > 0; b = b[size:] {
			if err := add(keyRecord{}.Get(b)); err != nil {
				return err
			}
		}
	}
	return nil
}
