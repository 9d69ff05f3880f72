// Package pipeline runs stages. In goes a configuration, which names stages and
// holds their settings; out comes a directory of finished stages, each with a
// manifest that says that it is whole.
//
// The package knows stages, tasks and rows, never documents, tokens or models.
// A stage is a struct whose fields are its YAML (Stage); the table of them is
// handed to Parse:
//
//	config, err := pipeline.Parse("books.yaml", src, dir, table, sets) // all faults at once
//	plan, err := pipeline.Plan(ctx, config, options)                   // what would run, and why
//	result, err := pipeline.Run(ctx, config, options)                  // runs it, or goes on
//	run, err := pipeline.OpenRun("runs/books")                         // reads what is there
//
// A stage is a few phases with a barrier between; a phase is a list of
// independent tasks. Tasks write shards (package shard) and other
// files (WriteFile) into their own folder, and count what they read, kept and
// dropped. When a task is done the engine writes its record and renames the
// folder: from then on it is never done again. When all tasks of the last phase
// are done, their files become the stage's directory.
//
// # A run directory
//
//	runs/books/
//	├── corpus/                      a finished stage, named in the configuration
//	│   ├── manifest.json            written before the folder gets its name: key, inputs, files, counts
//	│   ├── train-00000.parquet      files of the tasks of its last phase
//	│   └── rejects/00000.parquet
//	├── resolved.yaml                the configuration in force, defaults spelled out
//	├── run.json                     when, where and how long: nothing else tells
//	└── .fragua/                     the engine's own
//	    ├── lock                     held while a run works here; says who
//	    ├── lease/                   its like across machines: see lease.go
//	    ├── raw.json                 checksums of raw files by size and time
//	    ├── fingerprints/corpus.json what the key of corpus was made of
//	    ├── old/corpus/              an older result, for the moment of the swap
//	    └── work/corpus.KEY/         a stage in progress
//	        ├── fingerprint.json
//	        ├── scratch/             of the stage, while it lists tasks
//	        ├── 0-read/              a phase
//	        │   ├── tasks.json       its tasks
//	        │   ├── run/TASK.ATTEMPT/  files of a task in flight; started again after a crash
//	        │   ├── scratch/TASK/    survives a crash: checkpoints
//	        │   └── done/TASK/       a finished task: files, and .record.json with their checksums
//	        ├── assembly.json        all tasks are done; which files make the result
//	        └── out/                 becomes corpus/
//
// A run's directory may lie in another store (s3://bucket/run). Then tasks work in a
// folder of this machine's cache, what is done is kept in the store, and any machine
// can go on from it; see remote.go. Checkpoints of a task in flight stay here.
//
// On a cluster other processes run the tasks: see spread.go, which lists the files that
// they meet at, and worker.go.
//
// # Keys
//
// A stage's key is the hash of its settings in force as canonical JSON, its
// Version, its inputs' keys, the seed, and, where it reads raw files, their
// names and content and the limit; where it computes with floats, the level of
// the kernels and the precision. A directory whose manifest has the same key is
// the result, and the stage is skipped. Work in progress carries the key in its
// folder's name, so that other settings never meet it.
package pipeline
