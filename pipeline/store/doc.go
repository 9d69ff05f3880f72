// Package store keeps files under names: paths of this machine, and s3://BUCKET/KEY.
// Files appear whole or not at all, and their checksums are known.
//
//	store.Create, WriteFile   a file that appears at Commit, hashed while it is written
//	store.PutNew              a small file that must not be there yet: one writer wins
//	store.ReadFile, HashFile  a whole file; OpenRaw reads in ranges, held against a key
//	store.List, Glob, Stat    what is there
//	store.Fetch, FetchFolder  a local copy, for what is mapped into memory
//
// On this machine a file is written beside its name, and committed by fsync, rename
// and fsync of the folder:
//
//	create   .NAME.tmp
//	commit   NAME
//
// A crash leaves a hidden temporary file, which the next attempt overwrites. A full
// disk is a *DiskFullError, which says how much room there is.
//
// In S3 what fits into 16 MiB is one put; of a larger file the parts go up while it is
// written, and the upload's completion is the commit. PutNew is a put on the condition
// that there is nothing (If-None-Match: *). Requests are tried again for some seconds;
// then the error names the file and what to check. Who we are and where the server is
// comes from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE,
// AWS_REGION, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, ~/.aws/credentials and
// ~/.aws/config, and the role of a machine of Amazon's.
package store
