// Package store writes files that appear whole or not at all, and knows their
// checksums.
//
//	create   .NAME.tmp beside the file, hashed while it is written
//	commit   fsync, rename to NAME, fsync of the folder
//
// A crash leaves a hidden temporary file, which the next attempt overwrites. A
// full disk is a *DiskFullError, which says how much room there is.
package store
