package corpus

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"

	"fragua/pipeline"
	"fragua/pipeline/minhash"
	"fragua/pipeline/shard"
	"fragua/pipeline/store"
)

// What passes between the phases of dedup: files of records of fixed size, little-endian.

// How many records are sorted in memory.
const (
	partitionKeys = 1 << 19 // 16 MB; also about how many share a partition
	sortedLinks   = 1 << 18 // 6 MB
)

// A keyRecord says that a document has a key. What Order and Extra hold is the match's.
type keyRecord struct {
	Key   minhash.Key
	Order uint64
	Doc   uint32
	Extra uint32
}

func (keyRecord) Size() int { return 32 }
func (r keyRecord) Put(b []byte) {
	binary.LittleEndian.PutUint64(b, r.Key.High)
	binary.LittleEndian.PutUint64(b[8:], r.Key.Low)
	binary.LittleEndian.PutUint64(b[16:], r.Order)
	binary.LittleEndian.PutUint32(b[24:], r.Doc)
	binary.LittleEndian.PutUint32(b[28:], r.Extra)
}
func (keyRecord) Get(b []byte) keyRecord {
	le := binary.LittleEndian
	return keyRecord{minhash.Key{High: le.Uint64(b), Low: le.Uint64(b[8:])}, le.Uint64(b[16:]), le.Uint32(b[24:]), le.Uint32(b[28:])}
}
func (r keyRecord) Compare(o keyRecord) int {
	return cmp.Or(cmp.Compare(r.Key.High, o.Key.High), cmp.Compare(r.Key.Low, o.Key.Low), cmp.Compare(r.Order, o.Order),
		cmp.Compare(r.Doc, o.Doc), cmp.Compare(r.Extra, o.Extra))
}

// A linkRecord says that two documents match. Worse is the one that goes if Better stays.
type linkRecord struct {
	Order         uint64 // of Worse
	Worse, Better uint32
	Similarity    float32
}

func (linkRecord) Size() int { return 20 }
func (r linkRecord) Put(b []byte) {
	binary.LittleEndian.PutUint64(b, r.Order)
	binary.LittleEndian.PutUint32(b[8:], r.Worse)
	binary.LittleEndian.PutUint32(b[12:], r.Better)
	binary.LittleEndian.PutUint32(b[16:], math.Float32bits(r.Similarity))
}
func (linkRecord) Get(b []byte) linkRecord {
	le := binary.LittleEndian
	return linkRecord{le.Uint64(b), le.Uint32(b[8:]), le.Uint32(b[12:]), math.Float32frombits(le.Uint32(b[16:]))}
}
func (r linkRecord) Compare(o linkRecord) int {
	return cmp.Or(cmp.Compare(r.Order, o.Order), cmp.Compare(r.Worse, o.Worse), cmp.Compare(r.Better, o.Better), cmp.Compare(r.Similarity, o.Similarity))
}

// A pairRecord says that two documents share this many keys.
type pairRecord struct{ A, B, Count uint32 }

func (pairRecord) Size() int { return 12 }
func (r pairRecord) Put(b []byte) {
	binary.LittleEndian.PutUint32(b, r.A)
	binary.LittleEndian.PutUint32(b[4:], r.B)
	binary.LittleEndian.PutUint32(b[8:], r.Count)
}
func (pairRecord) Get(b []byte) pairRecord {
	le := binary.LittleEndian
	return pairRecord{le.Uint32(b), le.Uint32(b[4:]), le.Uint32(b[8:])}
}
func (r pairRecord) Compare(o pairRecord) int {
	return cmp.Or(cmp.Compare(r.A, o.A), cmp.Compare(r.B, o.B), cmp.Compare(r.Count, o.Count))
}

// merged adds up the counts of equal pairs, which follow each other.
func merged(pairs iter.Seq2[pairRecord, error]) iter.Seq2[pairRecord, error] {
	return func(yield func(pairRecord, error) bool) {
		var sum pairRecord
		for p, err := range pairs {
			if err != nil {
				yield(p, err)
				return
			}
			if sum.Count > 0 && p.A == sum.A && p.B == sum.B {
				sum.Count += p.Count
				continue
			}
			if sum.Count > 0 && !yield(sum, nil) {
				return
			}
			sum = p
		}
		if sum.Count > 0 {
			yield(sum, nil)
		}
	}
}

// A sameRecord says that a document has the words of another one, which stays for both.
type sameRecord struct {
	Order     uint64 // of Best
	Doc, Best uint32
}

func (sameRecord) Size() int { return 16 }
func (r sameRecord) Put(b []byte) {
	binary.LittleEndian.PutUint64(b, r.Order)
	binary.LittleEndian.PutUint32(b[8:], r.Doc)
	binary.LittleEndian.PutUint32(b[12:], r.Best)
}
func (sameRecord) Get(b []byte) sameRecord {
	le := binary.LittleEndian
	return sameRecord{le.Uint64(b), le.Uint32(b[8:]), le.Uint32(b[12:])}
}
func (r sameRecord) Compare(o sameRecord) int { return cmp.Compare(r.Doc, o.Doc) }

// A docRecord is a document's number.
type docRecord uint32

func (docRecord) Size() int              { return 4 }
func (r docRecord) Put(b []byte)         { binary.LittleEndian.PutUint32(b, uint32(r)) }
func (docRecord) Get(b []byte) docRecord { return docRecord(binary.LittleEndian.Uint32(b)) }
func (r docRecord) Compare(o docRecord) int {
	return cmp.Compare(r, o)
}

// A setRecord says where the set of shingles of a shard's row lies; zero: nowhere.
type setRecord struct {
	Order   uint64 // of Best
	Offset  uint64 // in the file of sets
	Numbers uint32 // of 8 bytes
	Best    uint32 // the document that speaks for all with the same words
}

func (setRecord) Size() int { return 24 }
func (r setRecord) Put(b []byte) {
	le := binary.LittleEndian
	le.PutUint64(b, r.Order)
	le.PutUint64(b[8:], r.Offset)
	le.PutUint32(b[16:], r.Numbers)
	le.PutUint32(b[20:], r.Best)
}
func (setRecord) Get(b []byte) setRecord {
	le := binary.LittleEndian
	return setRecord{le.Uint64(b), le.Uint64(b[8:]), le.Uint32(b[16:]), le.Uint32(b[20:])}
}
func (setRecord) Compare(setRecord) int { return 0 }

// A clusterRecord says what becomes of a row of a shard that matches others.
type clusterRecord struct {
	Row, Cluster, Members, Neighbor uint32 // Cluster and Neighbor are documents' numbers
	Similarity                      float32
	Dropped                         bool
}

func (clusterRecord) Size() int { return 21 }
func (r clusterRecord) Put(b []byte) {
	le := binary.LittleEndian
	le.PutUint32(b, r.Row)
	le.PutUint32(b[4:], r.Cluster)
	le.PutUint32(b[8:], r.Members)
	le.PutUint32(b[12:], r.Neighbor)
	le.PutUint32(b[16:], math.Float32bits(r.Similarity))
	b[20] = 0
	if r.Dropped {
		b[20] = 1
	}
}
func (clusterRecord) Get(b []byte) clusterRecord {
	le := binary.LittleEndian
	return clusterRecord{le.Uint32(b), le.Uint32(b[4:]), le.Uint32(b[8:]), le.Uint32(b[12:]), math.Float32frombits(le.Uint32(b[16:])), b[20] == 1}
}
func (r clusterRecord) Compare(o clusterRecord) int { return cmp.Compare(r.Row, o.Row) }

// writeRecords writes a file of records into the task's folder, and counts it.
func writeRecords[T minhash.Record[T]](env *pipeline.Env, counts *pipeline.Counts, name string, records iter.Seq2[T, error]) error {
	w, err := newRecordWriter[T](env, name)
	if err != nil {
		return err
	}
	defer w.file.Abort()
	for r, err := range records {
		if err != nil {
			return err
		}
		if err := w.write(r); err != nil {
			return err
		}
	}
	return w.close(counts)
}

// A recordWriter writes a file of records one by one.
type recordWriter[T minhash.Record[T]] struct {
	name string
	file *store.File
	w    *bufio.Writer
	buf  []byte
}

func newRecordWriter[T minhash.Record[T]](env *pipeline.Env, name string) (*recordWriter[T], error) {
	name = filepath.Join(env.Out, name)
	f, err := store.Create(name)
	if err != nil {
		return nil, err
	}
	return &recordWriter[T]{name, f, bufio.NewWriterSize(f, 1<<16), make([]byte, (*new(T)).Size())}, nil
}

func (w *recordWriter[T]) write(r T) error {
	r.Put(w.buf)
	_, err := w.w.Write(w.buf)
	return store.DiskFull(w.name, err)
}

func (w *recordWriter[T]) close(counts *pipeline.Counts) error {
	if err := w.w.Flush(); err != nil {
		return store.DiskFull(w.name, err)
	}
	return commitFile(w.file, w.name, counts)
}

// commitFile completes a file, and counts it so that the engine need not read it for its checksum.
func commitFile(f *store.File, name string, counts *pipeline.Counts) error {
	if err := f.Commit(); err != nil {
		return err
	}
	counts.Shards = append(counts.Shards, shard.File{Name: name, Bytes: f.Size, XXH3: f.Sum()})
	return nil
}

// readRecords yields the records of a file that satisfy from ≤ position < to; of all if to is -1.
func readRecords[T minhash.Record[T]](name string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		f, err := store.Open(context.Background(), name)
		if err != nil {
			yield(*new(T), err)
			return
		}
		defer f.Close()
		for r, err := range minhash.ReadRecords[T](io.NewSectionReader(f, 0, f.Info().Size)) {
			if !yield(r, err) {
				return
			}
		}
	}
}

// readRange yields the records of a sorted file from the first at which from says true to the first at which to does.
func readRange[T minhash.Record[T]](name string, from, to func(T) bool) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		f, err := store.Open(context.Background(), name)
		if err != nil {
			yield(*new(T), err)
			return
		}
		defer f.Close()
		size := int64((*new(T)).Size())
		n := int(f.Info().Size / size)
		a, err := minhash.SearchRecords(f, n, from)
		b := a
		if err == nil {
			b, err = minhash.SearchRecords(f, n, to)
		}
		if err != nil {
			yield(*new(T), fmt.Errorf("%s: %w", name, err))
			return
		}
		for r, err := range minhash.ReadRecords[T](io.NewSectionReader(f, int64(a)*size, int64(b-a)*size)) {
			if !yield(r, err) {
				return
			}
		}
	}
}

// scratchDir makes a folder in the task's scratch.
func scratchDir(env *pipeline.Env, name string) (string, error) {
	dir := filepath.Join(env.Scratch, name)
	return dir, os.MkdirAll(dir, 0o777)
}
