//go:build linux || darwin || freebsd

package pipeline

import (
	"errors"
	"os"
	"syscall"
)

// processAlive reports whether a process of this machine runs.
func processAlive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

func lockFile(name string) (*os.File, func(), error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, nil, errLocked
		}
		return nil, nil, &os.PathError{Op: "lock", Path: name, Err: err}
	}
	return f, func() { f.Close() }, nil
}
