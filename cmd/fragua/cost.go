package main

import (
	"fmt"
	"io"

	"fragua/pipeline"
	"fragua/pipeline/cluster"
	"fragua/pipeline/corpus"
	"fragua/pipeline/store"
)

// A rate says what a stage costs for each byte of raw files.
type rate struct {
	use     string
	core    float64 // core seconds a MB
	read    float64 // bytes
	written float64 // bytes, those that only pass between phases included
	phases  int     // that have a task for each shard
}

// core was measured on one core of a server with AVX-512 (user and system
// time of `fragua run --workers 1 --only STAGE`): 20 MB of English and Spanish novels;
// ingest with repair, language, gopher_quality and repetition; dedup with similar; a
// vocabulary of 32,000; blocks of 1,024. Other text and other steps cost otherwise, so
// these are orders of magnitude. read and written are estimated from the sizes of stages.
var rates = []rate{
	{"ingest", .393, 1, .36, 1},
	{"dedup", .053, 1.2, .45, 5},
	{"mix", .055, 1.1, .37, 4},
	{"tokenizer", .064, .4, .02, 1},
	{"pack", .058, 1, 1.1, 2},
}

// cost lists what the data stages among uses need for this many bytes of raw files.
func cost(w io.Writer, s cluster.Settings, raw, part int64, uses []string) {
	has := map[string]bool{}
	for _, use := range uses {
		has[use] = true
	}
	fmt.Fprintf(w, "%-10s %10s %12s %10s %10s %10s\n", "stage", "tasks", "core hours", "GB read", "GB written", "cost")
	var all rate
	var tasks int64
	line := func(name string, tasks int64, r rate) {
		hours := r.core * float64(raw) / 1e6 / 3600
		fmt.Fprintf(w, "%-10s %10d %12.3g %10.3g %10.3g %10.3g\n", name, tasks, hours, r.read*float64(raw)/1e9, r.written*float64(raw)/1e9, hours*s.Price)
	}
	shards := max(1, (raw+part-1)/part)
	for _, r := range rates {
		if !has[r.use] {
			continue
		}
		n := shards * int64(r.phases)
		line(r.use, n, r)
		tasks += n
		all.core, all.read, all.written = all.core+r.core, all.read+r.read, all.written+r.written
	}
	line("together", tasks, all)
}

// printCost tells it for a configuration's raw files.
func (j *job) printCost(w io.Writer) error {
	var raw int64
	var uses []string
	for _, e := range j.config.Stages {
		uses = append(uses, e.Use)
		reader, ok := e.With.(pipeline.RawInputs)
		if !ok || e.Use != "ingest" {
			continue
		}
		files, err := reader.Reads()
		if err != nil {
			return err
		}
		for _, f := range files {
			info, err := store.Stat(f.Path)
			if err != nil {
				return err
			}
			raw += info.Size
		}
	}
	if raw == 0 {
		return nil
	}
	fmt.Fprintf(w, "\nAbout what %s of raw files need, by rates measured on one core; a core hour costs %g (cluster.price):\n", bytesText(raw), j.config.Cluster.Price)
	cost(w, *j.config.Cluster, raw, partBytesOf(j.config), uses)
	return nil
}

// partBytesOf is about how many bytes of raw files make a task.
func partBytesOf(c *pipeline.Config) int64 {
	for _, e := range c.Stages {
		if in, ok := e.With.(*corpus.Ingest); ok {
			return in.PartBytes
		}
	}
	return corpus.NewIngest().PartBytes
}
