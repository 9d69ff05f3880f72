package corpus

import (
	"fmt"
	"math"
	"strconv"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/minhash"
)

// A nearMatch compares sets of shingles.
type nearMatch interface {
	comparer
	shingleWords() int
	// compare returns how similar two sets are.
	compare(a, b []uint64) float64
	// possible reports whether sets of these sizes, whose documents share this many keys, may be similar enough.
	possible(keys uint32, small, large int) bool
	// rank is Order of a document that was just scanned.
	rank(s *signer, d *Document) uint64
}

// Similar matches documents whose sets of shingles have at least so much in common, of all that either has (Jaccard).
// Candidates are found by MinHash (Broder 1997) with the settings of FineWeb, and each is verified.
type Similar struct {
	Similarity float64 `yaml:"similarity" doc:"Shingles in both, as a share of those in either (Jaccard), from which two documents match."`
	Ngram      int     `yaml:"ngram" doc:"Words of a shingle."`
	Bands      int     `yaml:"bands" doc:"Keys of a document; two that share one are compared."`
	Rows       int     `yaml:"rows" doc:"Hash functions of a key. Documents of similarity s are compared with probability 1 - (1 - s^rows)^bands."`
	family     *minhash.Bands
}

// NewSimilar returns FineWeb's settings: 14 bands of 8 rows over 5 words.
func NewSimilar() *Similar { return &Similar{Similarity: .7, Ngram: 5, Bands: 14, Rows: 8} }

func (m *Similar) check(*Dedup) (faults []fault.Fault) {
	if !(m.Similarity >= .1 && m.Similarity <= 1) {
		faults = append(faults, fault.Fault{Path: "match.similar.similarity", Err: "similarity must lie between 0.1 and 1", Hint: "similarity: 0.7"})
	}
	for _, v := range []struct {
		name      string
		is, least int
		most      int
	}{{"ngram", m.Ngram, 1, 100}, {"bands", m.Bands, 1, 1000}, {"rows", m.Rows, 1, 64}} {
		if v.is < v.least || v.is > v.most {
			faults = append(faults, fault.Fault{Path: "match.similar." + v.name, Err: fmt.Sprintf("%s must lie between %d and %d", v.name, v.least, v.most)})
		}
	}
	return faults
}

func (m *Similar) phases(s *Dedup) []pipeline.Phase {
	m.family = minhash.NewBands(m.Bands, m.Rows)
	return s.clusterPhases(true)
}
func (m *Similar) expect(docs, _ int64) int64    { return docs * int64(m.Bands+1) }
func (m *Similar) limit() float64                { return m.Similarity }
func (m *Similar) shingleWords() int             { return m.Ngram }
func (m *Similar) compare(a, b []uint64) float64 { return minhash.Jaccard(a, b) }
func (m *Similar) possible(_ uint32, small, large int) bool {
	return float64(small) >= m.Similarity*float64(large)
}
func (m *Similar) rank(s *signer, d *Document) uint64 { return s.order(d, s.scanner.Words) }
func (m *Similar) note(id string, similarity float64) string {
	return "near-duplicate of document " + id + ", Jaccard similarity " + strconv.FormatFloat(similarity, 'f', 3, 64)
}

// keys: all words, as a proof; and the bands, ordered by all words, so that copies stand side by side.
func (m *Similar) keys(s *signer, d *Document, add func(keyRecord)) {
	s.signature = m.family.Start(s.signature)
	for some := range s.scanner.Shingles(d.Text) {
		m.family.Add(s.signature, some)
	}
	add(keyRecord{Key: s.wordsKey(d.Text), Order: m.rank(s, d)})
	if s.scanner.Words == 0 {
		return
	}
	for band := range m.Bands {
		add(keyRecord{Key: hinted(m.family.Key(s.signature, band)), Order: s.scanner.Print.Low, Extra: queried})
	}
}

// Contained matches a document with a longer one that holds nearly all of it: a chapter and its book, an excerpt, an
// edition with a preface. The longest stays.
//
// Candidates share sampled shingles: those whose hash begins with 4 zeros, of all documents alike; and of each document
// its 32 least of them ask who else has them.
type Contained struct {
	Share float64 `yaml:"share" doc:"Shingles of the shorter document that stand in the longer one, as a share, from which they match."`
	Ngram int     `yaml:"ngram" doc:"Words of a shingle."`
}

// NewContained returns a match from four fifths on.
func NewContained() *Contained { return &Contained{Share: .8, Ngram: 5} }

// How Contained samples.
const (
	sampleShift = 60 // a shingle is sampled if it is 0 behind this shift: one of 16
	mostQueries = 32
	queried     = 1 // Extra: this document asks for candidates
)

func (m *Contained) check(s *Dedup) (faults []fault.Fault) {
	if !(m.Share >= .1 && m.Share <= 1) {
		faults = append(faults, fault.Fault{Path: "match.contained.share", Err: "share must lie between 0.1 and 1", Hint: "share: 0.8"})
	}
	if m.Ngram < 1 || m.Ngram > 100 {
		faults = append(faults, fault.Fault{Path: "match.contained.ngram", Err: "ngram must lie between 1 and 100"})
	}
	if s.Keep == SurvivorNewest || s.Keep == SurvivorOldest || len(s.Prefer) > 0 {
		faults = append(faults, fault.Fault{Path: "keep", Err: "with match: contained the longest document stays", Hint: "leave keep and prefer out"})
	}
	return faults
}

func (m *Contained) phases(s *Dedup) []pipeline.Phase { return s.clusterPhases(true) }
func (m *Contained) expect(docs, words int64) int64   { return docs + words>>(64-sampleShift) }
func (m *Contained) limit() float64                   { return m.Share }
func (m *Contained) shingleWords() int                { return m.Ngram }
func (m *Contained) compare(a, b []uint64) float64    { return minhash.Containment(a, b) }
func (m *Contained) possible(keys uint32, small, _ int) bool {
	queries := min(small>>(64-sampleShift), mostQueries) // about
	return float64(keys) >= m.Share*float64(queries)/3
}
func (m *Contained) rank(s *signer, _ *Document) uint64 {
	return uint64(math.MaxUint32-min(s.scanner.Words, math.MaxUint32)) << 32
}
func (m *Contained) note(id string, similarity float64) string {
	return "contained in document " + id + ", by " + strconv.FormatFloat(similarity, 'f', 3, 64)
}

func (m *Contained) keys(s *signer, d *Document, add func(keyRecord)) {
	s.sample = s.sample[:0]
	for some := range s.scanner.Shingles(d.Text) {
		for _, x := range some {
			if x>>sampleShift == 0 {
				s.sample = append(s.sample, x)
			}
		}
	}
	add(keyRecord{Key: s.wordsKey(d.Text), Order: m.rank(s, d)})
	order := m.rank(s, d) | s.scanner.Print.Low>>32 // longer ones first, and copies side by side
	for i, x := range distinct(s.sample) {
		r := keyRecord{Key: hinted(minhash.Key{High: x * 0x9e3779b97f4a7c15, Low: x}), Order: order}
		if i < mostQueries {
			r.Extra = queried
		}
		add(r)
	}
}
