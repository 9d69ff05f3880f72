// Package corpus is what happens to documents: raw files come in, and shards of
// documents with their split go out.
//
//	raw files ─ ingest ─▶ part-*.parquet ─ dedup ─▶ part-*.parquet ─ mix ─▶ train-*.parquet
//	           Source, Step                 filter                          validation-*.parquet
//	                                                                        test-*.parquet
//
// and beside each stage's shards rejects/*.parquet: every document that was
// dropped, with the rule, what it measured and its limit, and every record that
// could not be read, with its file, offset and error. Read and split-off records
// equal kept, dropped and failed ones.
//
// A Source divides its files into Parts and reads a Part as Documents; a Step
// sees one Document, and changes, keeps or drops it. Both are chosen by name
// from tables that can be read: sources in source.go, steps in step.go.
//
// One Part goes in and one shard comes out, whoever does the task, so that the
// bytes do not depend on the number of workers. Memory of a task: one record (a
// whole file for books, pages and text), and a row group of its shard; what
// Dedup and Mix need beyond that is said there.
package corpus
