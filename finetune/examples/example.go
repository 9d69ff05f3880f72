package examples

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"

	"github.com/zeebo/xxh3"
	"golang.org/x/text/unicode/norm"

	"fragua/tokenize/chat"
)

// An Example is one labelled text, or one text and its translation: a row of
// an examples shard.
type Example struct {
	ID     string   `parquet:"id"`             // hex xxh3-128 of the source, its file and the row
	Text   string   `parquet:"text,zstd"`      // the review, the source sentence, the instruction
	Target string   `parquet:"target,zstd"`    // the text to be produced; empty for classification
	Labels []string `parquet:"labels,list"`    // the classes; empty for translation
	Split  string   `parquet:"split,dict"`     // train, validation or test
	Score  float32  `parquet:"score,optional"` // of a pair: how well its words explain each other, 0 at best; 0 where it was not asked for

	Messages []chat.Message `parquet:"messages,list"` // of a conversation, of which Text is what the user says and Target the last answer
}

// The Splits of examples, which are also the first part of their shards' names.
const (
	Train      = "train"
	Validation = "validation"
	Test       = "test"
)

// Splits is every split in the order in which shards are listed.
var Splits = [...]string{Train, Validation, Test}

// withoutLabel is the split of texts that are kept though they have no label: a language model learns
// from them, and no one else reads them.
const withoutLabel = "unlabelled"

// places is what the split of a row may be.
var places = [...]string{Train, Validation, Test, withoutLabel}

// A Reject is a row that did not become an example, and why.
type Reject struct {
	ID     string   `parquet:"id"`
	Text   string   `parquet:"text,zstd"`
	Target string   `parquet:"target,zstd"`
	Labels []string `parquet:"labels,list"` // as the file has them
	Path   string   `parquet:"path,dict"`
	Offset int64    `parquet:"offset"` // the row in its file, counted from 0; the header is none
	Stage  string   `parquet:"stage,dict"`
	Rule   string   `parquet:"rule,dict"`
	Value  string   `parquet:"value"`
	Limit  string   `parquet:"limit"`
	Error  string   `parquet:"error"` // set where the row failed and was not merely dropped
}

// rowID returns the id of a row: the same file and row give the same id on every
// machine.
func rowID(source int, name string, row int64) string {
	h := xxh3.HashString128(strconv.Itoa(source) + "\x00" + name + "\x00" + strconv.FormatInt(row, 10)).Bytes()
	return hex.EncodeToString(h[:])
}

// sentenceKey returns the letters and digits of a text in lower case and without
// accents. Texts with the same key go into the same split: "Sí!" and "si." do not
// leak. A text without letters or digits is its own key.
func sentenceKey(text string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(text) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	if b.Len() == 0 {
		return text
	}
	return b.String()
}
