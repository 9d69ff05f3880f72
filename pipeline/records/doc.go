// Package records reads raw files as records: it lists files, opens them, undoes
// their compression, decodes their text and iterates over what is in them.
//
//	path, pattern ─ List ─▶ Files ─ Format.Divide ─▶ Ranges ─ Format.Read ─▶ Records
//
// Whoever reads raw files (sources of documents, tables of labels, the tokenizer)
// reads them here, so that compressions, limits, separators, encodings and
// messages are the same everywhere. A format is one file: lines.go, csv.go,
// jsonl.go, parquet.go. The base does the rest.
//
// What is wrong with one record is a *Failure, after which reading goes on. A
// Failure with Lost set says that the rest of the file could not be read. Any
// other error ends the reading.
//
// Memory is bounded by the longest record allowed, and a few buffers.
package records
