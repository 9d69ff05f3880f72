package main

import (
	"fmt"
	"io"
	"sync"
)

// An output is the program's standard output. It remembers that a write failed, since
// much of what is printed goes through functions that return no error: an answer that
// did not reach its file must not end with exit code 0.
type output struct {
	w   io.Writer
	mu  sync.Mutex
	err error
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.w.Write(b)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// Err says whether all that was written arrived.
func (o *output) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return fmt.Errorf("the output is not whole: %w", o.err)
	}
	return nil
}
