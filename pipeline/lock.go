package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// A LockedError says who works in a run directory.
type LockedError struct {
	Dir   string
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("another run works in %s", e.Dir)
	}
	return fmt.Sprintf("another run works in %s: process %d on %s, since %s", e.Dir, e.PID, e.Host, e.Since.Format("2006-01-02 15:04:05"))
}

// errLocked is what lockFile returns when another process holds the lock.
var errLocked = errors.New("locked")

// acquire takes the lock of the run's directory. The system releases it when the
// process ends, however it ends. In another store it is a lease, and on a cluster both:
// other machines may know nothing of the system's lock. The context ends when the lease
// is lost.
func (r *run) acquire(ctx context.Context) (held context.Context, release func(), err error) {
	lease := store.Join(r.root, stateDir, "lease")
	if r.local != r.root {
		return acquireLease(ctx, lease, r.root)
	}
	unlock, err := acquire(r.root)
	if err != nil {
		return nil, nil, err
	}
	if r.cluster == nil {
		last, holder, err := lastLease(ctx, lease)
		if err == nil {
			err = living(ctx, lease, last, holder)
		}
		if err != nil {
			if holder != nil {
				holder.Dir = r.root
			}
			unlock()
			return nil, nil, err
		}
		return ctx, unlock, nil
	}
	held, giveBack, err := acquireLease(ctx, lease, r.root)
	if err != nil {
		unlock()
		return nil, nil, err
	}
	return held, func() { giveBack(); unlock() }, nil
}

func acquire(root string) (release func(), err error) {
	name := filepath.Join(root, stateDir, "lock")
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return nil, unwritable(root, store.DiskFull(name, err))
	}
	f, unlock, err := lockFile(name)
	if errors.Is(err, errLocked) {
		held := &LockedError{Dir: root}
		if b, err := os.ReadFile(name); err == nil {
			json.Unmarshal(b, held) // a half-written note tells nothing, and nothing is lost
		}
		held.Dir = root
		return nil, fault.Hintf(held, "wait for it, stop it, or choose another folder with --out")
	}
	if err != nil {
		return nil, unwritable(root, err)
	}
	host, _ := os.Hostname()
	note, _ := json.Marshal(LockedError{PID: os.Getpid(), Host: host, Since: time.Now()})
	if err := f.Truncate(0); err == nil {
		f.WriteAt(append(note, '\n'), 0) // it informs people; the lock itself is the system's
	}
	return unlock, nil
}

// unwritable tells what to do where a run directory cannot be made or written.
func unwritable(root string, err error) error {
	var full *store.DiskFullError
	if errors.As(err, &full) {
		return err
	}
	return fault.Hintf(fmt.Errorf("the results cannot be written to %s: %w", root, err), "choose another folder with --out, or make this one writable")
}
