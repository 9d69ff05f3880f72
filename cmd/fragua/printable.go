package main

import (
	"io"

	"fragua/pipeline/fault"
)

// A printableWriter keeps what comes from files from steering the terminal. Each
// Write must hold whole characters, as the functions of package fmt write them.
type printableWriter struct{ w io.Writer }

func (p printableWriter) Write(b []byte) (int, error) {
	if _, err := io.WriteString(p.w, fault.Printable(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// colourWriter is where a command writes that sets colours itself. It makes what
// comes from files printable on its own.
func colourWriter(w io.Writer) io.Writer {
	if p, ok := w.(printableWriter); ok {
		return p.w
	}
	return w
}
