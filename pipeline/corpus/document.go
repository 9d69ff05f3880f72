package corpus

import (
	"encoding/hex"
	"encoding/json"
	"strconv"

	"github.com/zeebo/xxh3"
)

// A Document is one text and where it comes from: a row of a documents shard.
type Document struct {
	ID            string  `parquet:"id"`             // hex xxh3-128 of source, path and offset
	Text          string  `parquet:"text"`           // UTF-8, blocks parted by blank lines
	Source        string  `parquet:"source,dict"`    // name of the source in the recipe
	Path          string  `parquet:"path,dict"`      // relative to the source's root, with slashes
	URL           string  `parquet:"url"`            //
	Title         string  `parquet:"title"`          // of the book or page
	Author        string  `parquet:"author,dict"`    //
	Date          string  `parquet:"date,dict"`      // ISO 8601, to the precision known
	Language      string  `parquet:"language,dict"`  // ISO 639-1, or 639-3 where there is none
	LanguageScore float64 `parquet:"language_score"` // 0 to 1; 0: declared, not measured
	License       string  `parquet:"license,dict"`   //
	Split         string  `parquet:"split,dict"`     // train, validation, test; "" before mix
	Metadata      string  `parquet:"metadata"`       // a JSON object
	Words         int64   `parquet:"words"`          // as UAX #29 counts them

	// What dedup found; absent before it, and where no other document matches.
	Cluster     string  `parquet:"cluster,optional"`      // id of the first document of those that match each other
	ClusterSize int64   `parquet:"cluster_size,optional"` // how many those are, the dropped ones among them
	Neighbor    string  `parquet:"neighbor,optional"`     // id of the most similar one; of a dropped document, of those that stay
	Similarity  float64 `parquet:"similarity,optional"`   // to it: 0 to 1

	// Offset is where the record begins in its file: a byte of JSONL and CSV (of
	// the uncompressed stream), a row of Parquet, a chapter of a book.
	Offset int64 `parquet:"-"`
	// More marks a document made out of a record already counted as read: a
	// book's second to last chapter.
	More bool `parquet:"-"`
	// Signals are the measures of the text that were stored with it, or shall be.
	Signals *Signals `parquet:"-"`

	measured, measuredAs measured // by our definitions, and by those of Compat
	scores               scores   // of models
}

// NewDocument returns a document with its id.
func NewDocument(source, path string, offset int64) *Document {
	return &Document{ID: DocumentID(source, path, offset), Source: source, Path: path, Offset: offset}
}

// DocumentID returns the id of the record that begins at an offset of a file of
// a source: 32 hex digits.
func DocumentID(source, path string, offset int64) string {
	h := xxh3.HashString128(source + "\x00" + path + "\x00" + strconv.FormatInt(offset, 10)).Bytes()
	return hex.EncodeToString(h[:])
}

// A Reject is a document that was dropped, or a record that could not be read.
type Reject struct {
	Document
	Stage       string  `parquet:"stage,dict"` // ingest, dedup, filter, mix
	Rule        string  `parquet:"rule,dict"`  // step.setting; RuleError for what could not be read
	Value       float64 `parquet:"value"`      // what the rule measured
	Limit       float64 `parquet:"limit"`      // what it demands
	Error       string  `parquet:"error"`      // what went wrong, or which document this one repeats
	StartOffset int64   `parquet:"offset"`     // Document.Offset; -1 after ingest
}

// RuleError stands as rule where a record could not be read.
const RuleError = "error"

// A Drop says why a document is dropped, in numbers. The zero Drop keeps it.
type Drop struct {
	Rule  string  // step.setting, as in the recipe
	Value float64 // what was measured
	Limit float64 // what the recipe demands
	Note  string  // more than numbers say: the document that this one repeats
}

// metadata is a JSON object whose keys are written in order.
type metadata map[string]any

func (m metadata) String() string {
	for k, v := range m {
		if v == "" || v == nil {
			delete(m, k)
		}
	}
	if len(m) == 0 {
		return ""
	}
	b, err := json.Marshal(m)
	if err != nil {
		return ""
	}
	return string(b)
}

// recordID is the id of a record that names itself.
func recordID(source, path, id string) string {
	h := xxh3.HashString128(source + "\x00" + path + "\x00id\x00" + id).Bytes()
	return hex.EncodeToString(h[:])
}
