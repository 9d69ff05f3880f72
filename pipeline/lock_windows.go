package pipeline

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// processAlive reports whether a process of this machine runs.
func processAlive(pid int) bool {
	p, err := os.FindProcess(pid) // opens it
	if err != nil {
		return false
	}
	p.Release()
	return true
}

// lockFile locks a byte far behind the note about the holder, so that others
// can read the note.
func lockFile(name string) (*os.File, func(), error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, nil, err
	}
	at := &windows.Overlapped{Offset: 1 << 30}
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	if err != nil {
		f.Close()
		if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
			return nil, nil, errLocked
		}
		return nil, nil, &os.PathError{Op: "lock", Path: name, Err: err}
	}
	return f, func() { f.Close() }, nil
}
