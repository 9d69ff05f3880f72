package corpus

import (
	"context"
	"iter"

	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// RuleDuplicate opens the rule by which Dedup drops; the match follows.
const RuleDuplicate = "dedup."

// filter carries a shard's documents, with what is known of their cluster, and without those to drop.
func (s *Dedup) filter(ctx context.Context, env *pipeline.Env, t pipeline.Task) (pipeline.Counts, error) {
	part, name, err := shardOf(env, t)
	if err != nil {
		return pipeline.Counts{}, err
	}
	env.Progress.Expect(part.Rows, "documents")
	next, stop := iter.Pull2(readRecords[clusterRecord](env.Phase("cluster")[0].File(clustersFile(part.Number))))
	defer stop()
	ids := &idReader{n: numberDocuments(env), files: newFiles(env.Phase("sign"))}
	defer ids.files.close()
	p, err := passOver(env, "dedup", part.Number, name)
	if err != nil {
		return pipeline.Counts{}, err
	}
	return p.close(p.dedup(ctx, part.prefix(), readDocuments(env, name), s, ids, next))
}

// dedup carries documents; next returns what becomes of the next row that matches others.
func (p *pass) dedup(ctx context.Context, prefix string, docs iter.Seq2[*Document, error], s *Dedup, ids *idReader, next func() (clusterRecord, error, bool)) error {
	if _, err := p.shard(prefix); err != nil {
		return err
	}
	c := s.Match.match.(comparer)
	r, err, more := next()
	row := uint32(0)
	for d, bad := range docs {
		if err == nil {
			err = bad
		}
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		p.counts.Read++
		d.Cluster, d.ClusterSize, d.Neighbor, d.Similarity = "", 0, "", 0
		drop := Drop{}
		if more && r.Row == row {
			if err := ids.describe(d, r); err != nil {
				return err
			}
			if r.Dropped && s.Drop {
				drop = Drop{Rule: RuleDuplicate + s.Match.name, Value: d.Similarity, Limit: c.limit(), Note: c.note(d.Neighbor, d.Similarity)}
			}
			r, err, more = next()
		}
		if drop.Rule != "" {
			bad = p.drop(d, drop)
		} else {
			bad = p.keepSplit(d)
		}
		if bad != nil {
			return bad
		}
		row++
	}
	return err
}

// An idReader finds ids by the documents' numbers.
type idReader struct {
	n     numbering
	files *files
}

// describe fills in a document's columns.
func (i *idReader) describe(d *Document, r clusterRecord) (err error) {
	d.ClusterSize, d.Similarity = int64(r.Members), float64(r.Similarity)
	if d.Cluster, err = i.id(r.Cluster); err == nil && r.Neighbor != nobody {
		d.Neighbor, err = i.id(r.Neighbor)
	}
	return err
}

func (i *idReader) id(doc uint32) (string, error) {
	shard, row := i.n.find(doc)
	f, err := i.files.get(shard, idsFile(shard))
	if err != nil {
		return "", err
	}
	var id idRecord
	if _, err := f.ReadAt(id[:], row*16); err != nil {
		return "", &fault.RowError{File: f.Info().Name, Row: row, Err: err}
	}
	return id.String(), nil
}
