package corpus

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"fragua/pipeline"
	"fragua/pipeline/shard"
	"fragua/pipeline/textstat"
)

// A pass carries the documents of one task into its shards and rejects.
type pass struct {
	stage   string
	out     string
	number  int
	kept    map[string]documentWriter
	signals bool // whether shards get the column `signals`
	rejects *shard.Writer[Reject]
	counts  pipeline.Counts
}

// newPass begins the shards of task number, in env.Out.
func newPass(env *pipeline.Env, stage string, number int) *pass {
	return &pass{stage: stage, out: env.Out, number: number, kept: map[string]documentWriter{}}
}

// passOver is newPass for the documents of a shard, whose signals go with them.
func passOver(env *pipeline.Env, stage string, number int, shard string) (p *pass, err error) {
	p = newPass(env, stage, number)
	p.signals, err = hasSignals(shard)
	return p, err
}

// keep writes a document into the shard prefix-NNNNN.parquet.
func (p *pass) keep(prefix string, d *Document) error {
	w, err := p.shard(prefix)
	if err != nil {
		return err
	}
	p.counts.Kept++
	p.counts.Sum("bytes", int64(len(d.Text)))
	p.counts.Sum("words", d.Words)
	p.counts.Sum(keptFrom+d.Source, 1)
	return w.Write(d)
}

func (p *pass) shard(prefix string) (w documentWriter, err error) {
	if w := p.kept[prefix]; w != nil {
		return w, nil
	}
	name := filepath.Join(p.out, fmt.Sprintf("%s-%05d.parquet", prefix, p.number))
	if p.signals {
		w, err = createSignalled(name)
	} else {
		w, err = createPlain(name)
	}
	if err == nil {
		p.kept[prefix] = w
	}
	return w, err
}

// drop writes a document into the rejects.
func (p *pass) drop(d *Document, drop Drop) error {
	p.counts.Drop(drop.Rule)
	p.counts.Sum(droppedFrom+d.Source, 1)
	return p.reject(Reject{Document: *d, Rule: drop.Rule, Value: drop.Value, Limit: drop.Limit, Error: drop.Note})
}

// fail writes what could not be read or judged into the rejects.
func (p *pass) fail(d *Document, err error) error {
	p.counts.Failed++
	return p.reject(Reject{Document: *d, Rule: RuleError, Error: err.Error()})
}

func (p *pass) reject(r Reject) (err error) {
	if p.rejects == nil {
		name := filepath.Join(p.out, "rejects", fmt.Sprintf("%05d.parquet", p.number))
		if p.rejects, err = shard.Create[Reject](name); err != nil {
			return err
		}
	}
	r.Stage, r.StartOffset = p.stage, r.Offset
	if p.stage != "ingest" {
		r.StartOffset = -1 // the column is not among those of documents
	}
	return p.rejects.Write(r)
}

// close completes the files. Without it, abort leaves none.
func (p *pass) close(err error) (pipeline.Counts, error) {
	if err == nil {
		for _, prefix := range splits {
			if w := p.kept[prefix]; w != nil && err == nil {
				err = p.add(w.Close())
			}
		}
	}
	if err == nil && p.rejects != nil {
		err = p.add(p.rejects.Close())
	}
	if err != nil {
		for _, w := range p.kept {
			w.Abort()
		}
		if p.rejects != nil {
			p.rejects.Abort()
		}
	}
	return p.counts, err
}

func (p *pass) add(s shard.File, err error) error {
	p.counts.Shards = append(p.counts.Shards, s)
	return err
}

// Sums of documents by their source.
const (
	keptFrom    = "kept from "
	droppedFrom = "dropped from "
)

// unsplit is the name of shards before the split.
const unsplit = "part"

// splits are all names of shards, in the order in which they are completed.
var splits = []string{unsplit, Train, Validation, Test}

// steps carries documents through steps into shards named by their split. The
// shard prefix-NNNNN.parquet exists even if nothing is kept: one part in, one
// shard out. source names the documents that could not be read.
func (p *pass) steps(ctx context.Context, prefix, source string, docs iter.Seq2[*Document, error], list []StepChoice) error {
	if _, err := p.shard(prefix); err != nil {
		return err
	}
	for d, err := range docs {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var bad *Failure
		var skipped *Skipped
		switch {
		case errors.As(err, &skipped):
			p.counts.Read++
			err = p.drop(skipped.Document, skipped.Drop)
		case errors.As(err, &bad):
			p.counts.Read++
			if bad.Lost != nil {
				p.counts.Lose(pipeline.LostFile{Name: source + "/" + bad.File, Rows: bad.Lost.Rows, Bytes: bad.Lost.Bytes, Error: bad.Err.Error()})
			}
			err = p.fail(NewDocument(source, bad.File, bad.Offset), bad.Err)
		case err != nil:
			return err
		default:
			err = p.apply(d, list)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) apply(d *Document, list []StepChoice) error {
	if d.More {
		p.counts.Split++
	} else {
		p.counts.Read++
	}
	drop, err := applySteps(d, list, nil)
	switch {
	case err != nil:
		return p.fail(d, err)
	case drop.Rule != "":
		return p.drop(d, drop)
	case !utf8.ValidString(d.Text):
		return p.fail(d, errors.New("the text is not valid UTF-8"))
	}
	return p.keepSplit(d)
}

// keepSplit keeps a document in the shard of its split.
func (p *pass) keepSplit(d *Document) error {
	if d.Split == "" {
		return p.keep(unsplit, d)
	}
	if !slices.Contains(splits, d.Split) {
		return fmt.Errorf("document %s has split %q, which is none of %s", d.ID, d.Split, strings.Join(splits[1:], ", "))
	}
	return p.keep(d.Split, d)
}

func countWords(d *Document) int64 { return int64(textstat.CountWords(d.Text)) }
