package blocks

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
)

// A mapping is a file in memory. Someone may shorten the file while it is mapped:
// its pages then raise SIGBUS, which guard makes an error.
type mapping struct {
	file  *os.File
	data  []byte
	unmap func() error
}

func openMapping(path string) (*mapping, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s: not a regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	m := &mapping{file: f}
	if m.data, m.unmap, err = mapFile(f, st.Size()); err != nil {
		f.Close()
		return nil, err
	}
	return m, nil
}

var (
	errShortened = errors.New("the file was shortened while it was read")
	errChanged   = errors.New("the file was changed while it was read")
)

// guard runs what reads the mapped bytes, and fails if the file is shorter than it
// was when it was opened: bytes behind its end read as zeros or not at all.
func (m *mapping) guard(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }: // of a page that cannot be read
			err = errShortened
		default:
			panic(r)
		}
	}()
	if err := read(); err != nil {
		return err
	}
	size, err := fileSize(m.file)
	if err == nil && size < int64(len(m.data)) {
		err = errShortened
	}
	return err
}

func (m *mapping) close() error { return errors.Join(m.unmap(), m.file.Close()) }
