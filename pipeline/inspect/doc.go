// Package inspect tells what a file or folder is and what is in it.
//
// What flows in is a path; what flows out is an Artifact: facts, tables and a
// few samples, as values that print as text for people and as JSON for
// programs. What it can tell apart stands in the table `kinds`: a Parquet
// shard, a file of blocks, a tokenizer, safetensors, a model, a stage, a run.
//
// Every file may be damaged or hostile: that gives an error with its name.
package inspect
