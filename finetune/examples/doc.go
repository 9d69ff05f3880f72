// Package examples turns labelled tables, texts sorted by class, and parallel
// text into the rows that fine-tuning reads.
//
//	in:   CSV, TSV, JSONL or Parquet tables; a file or folder per class; two files side by side; a grammar
//	out:  {train,validation,test}-00000.parquet with rows of Example, rejects/ with rows of Reject, metrics.json
//
// The stage is Label. Its first phase reads and checks every row alone; its
// second sees all rows together: it drops duplicates and leaks, and splits.
package examples
