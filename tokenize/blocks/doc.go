// Package blocks turns documents into rows of token ids that a model trains on,
// and reads them back.
//
//	documents ─ encode ─ ids ─ pack ─ rows ─ run ─ shuffle ─ train-00000.arrow …
//	            encode.go      packers.go    run.go          write.go, arrow_write.go
//
// A file of blocks is an Arrow IPC file of one table without nulls or compression:
//
//	ids     fixed_size_list<uint16 or uint32>[context+1]   inputs ids[:context], targets ids[1:]
//	starts  list<int32>                                    where documents begin in the row
//	length  int32                                          how many ids are text; the rest is padding
//
// Readers map it into memory and check its structure before the first row
// (arrow.go); a row is then decoded from the mapped bytes (file.go).
package blocks
