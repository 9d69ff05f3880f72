// Package shard turns rows into Parquet files and back.
//
//	Write, Create   structs → a file that appears whole or not at all
//	Read, Rows      a file → structs: a shard of ours
//	OpenParquet     any Parquet file: rows as parquet.Row, or Records as maps
//
// The Parquet library trusts its input, so the guards look first: at the
// footer (guard_thrift.go), at each page's sizes (guard_page.go), at its levels
// and runs (guard_levels.go), and at what it unpacks to (guard_unpack.go). A
// damaged file costs an error with its name and row; never memory, nor a panic.
package shard
