package corpus

import (
	"iter"

	"fragua/pipeline/shard"
)

// A documentWriter writes documents into one shard, with their signals or without.
type documentWriter interface {
	Write(*Document) error
	Close() (shard.File, error)
	Abort()
}

type plainWriter struct{ *shard.Writer[Document] }

func createPlain(name string) (documentWriter, error) {
	w, err := shard.Create[Document](name)
	return plainWriter{w}, err
}

func (w plainWriter) Write(d *Document) error { return w.Writer.Write(*d) }

// A signalled document is one with its measures in the column `signals`.
type signalled struct {
	Document
	Measures Signals `parquet:"signals"`
}

type signalledWriter struct{ *shard.Writer[signalled] }

func createSignalled(name string) (documentWriter, error) {
	w, err := shard.Create[signalled](name)
	return signalledWriter{w}, err
}

func (w signalledWriter) Write(d *Document) error {
	return w.Writer.Write(signalled{*d, *d.signals()})
}

// hasSignals reports whether a shard has the column `signals`.
func hasSignals(name string) (bool, error) {
	f, err := shard.OpenParquet(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	_, ok := f.Schema().Lookup("signals", "words")
	return ok, nil
}

// readShard yields the documents of a shard, with the signals that it has.
func readShard(name string) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		stored, err := hasSignals(name)
		if err != nil {
			yield(nil, err)
			return
		}
		if !stored {
			for d, err := range shard.Read[Document](name) {
				if !yield(&d, err) {
					return
				}
			}
			return
		}
		for row, err := range shard.Read[signalled](name) {
			d := row.Document
			d.recall(&row.Measures)
			if !yield(&d, err) {
				return
			}
		}
	}
}
