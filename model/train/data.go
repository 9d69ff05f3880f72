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
