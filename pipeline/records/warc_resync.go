package records

import (
	"bufio"
	"io"
)

// resync goes on behind a damaged record: at the next gzip member, or at the next
// line that begins one. io.EOF: there is none.
func (a *archive) resync() error {
	if a.members {
		if a.open { // the member may hold other records
			if err := a.resyncLines(); err == nil || a.file.Err() != nil {
				return err
			}
			if whole := a.ended(); whole {
				a.open = false
				return nil
			}
		}
		return a.findMember(a.member + 1)
	}
	return a.resyncLines()
}

// ended reports whether the open member was read to its end without damage.
func (a *archive) ended() bool {
	_, err := a.r.ReadByte()
	return err == io.EOF
}

func (a *archive) resyncLines() error {
	_, err := a.linesTo(func([]byte) bool { return true })
	return err
}

// linesTo reads up to the next line that begins a record, and hands on what it
// reads, until take returns false. io.EOF: there is none.
func (a *archive) linesTo(take func([]byte) bool) (n int64, err error) {
	begins := true // of a line
	for {
		b, err := a.r.Peek(8)
		if len(b) == 0 {
			return n, err
		}
		if begins && isWARC(string(b)) {
			return n, nil
		}
		line, err := a.r.ReadSlice('\n')
		a.at += int64(len(line))
		n += int64(len(line))
		if !take(line) {
			return n, errLength
		}
		if begins = err == nil; err != nil && err != bufio.ErrBufferFull {
			return n, err
		}
	}
}
