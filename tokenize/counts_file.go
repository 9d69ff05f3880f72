package tokenize

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// A file of counted words: this line, then for each word its length, its bytes
// and its count, lengths and counts as unsigned LEB128; the words are in the
// order of their bytes, and a length of 0 ends them.
const wordsMagic = "fragua words 1\n"

func (w *words) save(name string) error {
	return store.WriteFile(name, func(out io.Writer) error {
		buf := []byte(wordsMagic)
		for i, n := range w.n {
			word := w.at(i)
			buf = binary.AppendUvarint(buf, uint64(len(word)))
			buf = append(buf, word...)
			buf = binary.AppendUvarint(buf, uint64(n))
			if len(buf) > 1<<16 {
				if _, err := out.Write(buf); err != nil {
					return err
				}
				buf = buf[:0]
			}
		}
		_, err := out.Write(append(buf, 0))
		return err
	})
}

// load adds the words of a file.
func (c *wordCounter) load(name string) error {
	f, err := store.Open(context.Background(), name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := c.read(bufio.NewReaderSize(io.NewSectionReader(f, 0, f.Info().Size), 1<<18)); err != nil {
		return &fault.RowError{File: name, Row: -1, Err: err}
	}
	return nil
}

func (c *wordCounter) read(r *bufio.Reader) error {
	head := make([]byte, len(wordsMagic))
	if _, err := io.ReadFull(r, head); err != nil || string(head) != wordsMagic {
		return errors.New("not a file of counted words")
	}
	var word []byte
	for {
		size, err := binary.ReadUvarint(r)
		if err != nil {
			return fmt.Errorf("counted words are cut short: %w", err)
		}
		if size == 0 {
			return nil
		}
		word = word[:0]
		for size > 0 { // piece by piece, so that a damaged length does not ask for all memory
			n := min(size, 1<<16)
			at := len(word)
			word = append(word, make([]byte, n)...)
			if _, err := io.ReadFull(r, word[at:]); err != nil {
				return fmt.Errorf("counted words are cut short: %w", err)
			}
			size -= n
		}
		n, err := binary.ReadUvarint(r)
		if err != nil {
			return fmt.Errorf("counted words are cut short: %w", err)
		}
		c.addWord(string(word), int64(n))
	}
}
