package train

import (
	"errors"
	"fmt"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/tokenize"
	"fragua/tokenize/blocks"
)

// data is a blocks directory, opened.
type data struct {
	tok               *tokenize.Tokenizer
	train, validation *blocks.Set
}

const tokenizerFile = "tokenizer.json"

// openData opens the splits and the tokenizer of a blocks directory, and checks
// that their ids are the tokenizer's.
func openData(dir pipeline.Dir) (*data, error) {
	d := new(data)
	if err := d.open(dir); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *data) open(dir pipeline.Dir) (err error) {
	if d.tok, err = tokenize.Load(dir.File(tokenizerFile)); err != nil {
		return err
	}
	if d.train, err = blocks.OpenSplit(dir, "train"); err != nil {
		return err
	}
	if d.validation, err = blocks.OpenSplit(dir, "validation"); err != nil {
		return err
	}
	for _, s := range []*blocks.Set{d.train, d.validation} {
		if err := s.CheckIDs(d.tok.VocabSize()); err != nil {
			return err
		}
	}
	return nil
}

// learnable returns an error if there is nothing to train on.
func (d *data) learnable(dir pipeline.Dir, batch int, stream bool) error {
	if n := d.train.Len(); n == 0 || stream && n < batch {
		return fault.Hintf(fmt.Errorf("%s has %d rows to train on, and a batch has %d", dir.Path, n, batch),
			"pack more text, or with a smaller context")
	}
	if stream {
		return d.goesOn(dir)
	}
	return nil
}

// goesOn returns an error if rows do not go on from one to the next: a state that is carried between rows of other
// texts is noise. Rows of a stream overlap by one id, but where a document begins.
func (d *data) goesOn(dir pipeline.Dir) error {
	const looked = 64
	var last int32
	for i := range min(looked, d.train.Len()) {
		ids, starts, length, err := d.train.Row(i, nil)
		if err != nil {
			return err
		}
		begins := len(starts) > 0 && starts[0] == 0
		if i > 0 && !begins && ids[0] != last {
			return fault.Hintf(fmt.Errorf("order: stream wants rows in the order of the text, and in %s row %d does not go on from the one before", dir.Path, i),
				"pack with order: stream; models that carry no state may still shuffle such rows")
		}
		if length > 0 {
			last = ids[length-1]
		}
	}
	return nil
}

func (d *data) close() error {
	var errs []error
	for _, s := range []*blocks.Set{d.train, d.validation} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}
