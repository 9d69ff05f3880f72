package blocks

import (
	"errors"
	"fmt"
	"slices"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/tokenize"
)

// Pack is the stage `pack`: it encodes documents, packs the ids into rows of one
// length, and shuffles the rows. Texts of examples are documents, too, so that a
// language model learns the language of what is to be classified (Howard and
// Ruder 2018, section 3.2): of train, of validation and of test each in its split,
// and those without a label in train.
//
//	encode   one task a shard: documents → one run of rows a split
//	shuffle  one task a file: a range of the rows' keys → train-00000.arrow …
//
// Memory is bounded: a task of encode holds a document and a segment of each
// split (16 MiB), one of shuffle a file of the output, three times.
type Pack struct {
	Context   int      `yaml:"context" doc:"Ids of a row that are inputs; the row holds one more."`
	Packing   Packing  `yaml:"packing" doc:"How documents share rows: cut joins them end to end, best_fit never splits one that fits."`
	Order     RowOrder `yaml:"order" doc:"Order of the rows to train on: shuffle, or stream for models that carry a state from row to row. Rows to measure on keep the order of the text."`
	EndOfText bool     `yaml:"end_of_text" doc:"Put <|endoftext|> after each document."`
	FileRows  int      `yaml:"file_rows" doc:"Rows of a file, about. 0: as many as make 32 MiB."`
}

// Packing says how documents share rows.
type Packing string

// Cut joins documents end to end and cuts wherever a row is full: no padding.
// BestFit never splits a document that fits in a row.
const (
	Cut     Packing = "cut"
	BestFit Packing = "best_fit"
)

// Values returns what the setting may be.
func (Packing) Values() []string { return []string{string(Cut), string(BestFit)} }

// RowOrder is the order of the rows.
type RowOrder string

// Shuffle is for models that see each row alone; Stream keeps the documents'
// order, so that each row goes on where the one before ended, for models that
// carry a state from row to row. What is not trained on is never shuffled, so that a
// model that remembers what it read can be measured as it reads.
const (
	Shuffle RowOrder = "shuffle"
	Stream  RowOrder = "stream"
)

// Values returns what the setting may be.
func (RowOrder) Values() []string { return []string{string(Shuffle), string(Stream)} }

// NewPack returns the stage with its defaults.
func NewPack() *Pack {
	return &Pack{Context: 256, Packing: Cut, Order: Shuffle, EndOfText: true}
}

func (*Pack) Version() int         { return 2 }
func (*Pack) Makes() pipeline.Kind { return pipeline.Blocks }

// shuffles reports whether the rows of a split are shuffled.
func (p *Pack) shuffles(split string) bool { return p.Order == Shuffle && split == "train" }

func (*Pack) Inputs() []pipeline.Input {
	return []pipeline.Input{
		{Name: "documents", Kind: pipeline.Documents, Many: true},
		{Name: "tokenizer", Kind: pipeline.Tokenizer},
		{Name: "examples", Kind: pipeline.Examples, Many: true, Instead: "documents"},
	}
}

// texts are the directories to pack: documents, then examples.
func texts(env *pipeline.Env) []pipeline.Dir {
	return append(slices.Clone(env.In["documents"]), env.In["examples"]...)
}

// Check finds faults that types cannot show.
func (p *Pack) Check() []fault.Fault {
	var faults []fault.Fault
	if p.Context < 1 || p.Context > maxContext {
		faults = append(faults, fault.Fault{Path: "context", Err: fmt.Sprintf("%d is not between 1 and %d", p.Context, maxContext), Hint: "256 suits a small model"})
	}
	if p.FileRows < 0 {
		faults = append(faults, fault.Fault{Path: "file_rows", Err: "is negative", Hint: "0 chooses for itself"})
	}
	if p.Order == Stream && p.Packing == BestFit {
		faults = append(faults, fault.Fault{Path: "order", Err: "stream keeps the documents in order, but best_fit moves them", Hint: "use packing: cut"})
	}
	return faults
}

// Phases returns encode and shuffle.
func (p *Pack) Phases() []pipeline.Phase {
	return []pipeline.Phase{
		{Name: "encode", Tasks: p.shards, Do: p.encode},
		{Name: "shuffle", Tasks: p.files, Do: p.write},
	}
}

// tokenizer loads the tokenizer, and makes sure that it can end a document.
func (p *Pack) tokenizer(env *pipeline.Env) (*tokenize.Tokenizer, error) {
	path := env.One("tokenizer").File("tokenizer.json")
	tok, err := tokenize.Load(path)
	if err != nil {
		return nil, err
	}
	if p.EndOfText && tok.EndOfText() < 0 {
		return nil, fault.Hintf(&fault.RowError{File: path, Row: -1, Err: errors.New("it has no token for the end of a text")},
			"give the tokenizer stage the special token %s, or set end_of_text: false", tokenize.EndOfText)
	}
	return tok, nil
}
