package pipeline

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// A store beyond this machine knows no locks that end with a process, nor do all file
// systems that machines share. A run there holds a lease: the last of the files
// lease/00000001.json, lease/00000002.json …, each put on the condition that there is
// none, so that one taker wins. It is renewed while the run goes on; one that was not
// for leaseLife, by the store's clock, is up for taking, and at once if its process on
// this machine is gone.
const (
	leaseLife  = 60 * time.Second
	leaseRenew = 10 * time.Second
)

// errLeaseLost ends a run whose lease another has taken.
var errLeaseLost = fault.Hintf(errors.New("another run has taken over this directory: the store did not answer for a minute"), "see which one goes on; what is done is kept")

// acquireLease takes the lease of what, whose files lie in dir.
func acquireLease(ctx context.Context, dir, what string) (held context.Context, release func(), err error) {
	host, _ := os.Hostname()
	note, err := json.Marshal(LockedError{PID: os.Getpid(), Host: host, Since: time.Now()})
	if err != nil {
		return nil, nil, err
	}
	for {
		last, holder, err := lastLease(ctx, dir)
		if err != nil {
			return nil, nil, unwritable(what, err)
		}
		if err := living(ctx, dir, last, holder); err != nil {
			holder.Dir = what
			return nil, nil, err
		}
		number := 0
		fmt.Sscanf(path.Base(last.Name), "%d.json", &number) // none: 0
		name := store.Join(dir, fmt.Sprintf("%08d.json", number+1))
		if err := store.PutNew(ctx, name, note); errors.Is(err, fs.ErrExist) {
			continue // another was first
		} else if err != nil {
			return nil, nil, unwritable(what, err)
		}
		if holder != nil {
			if err := store.Remove(ctx, last.Name); err != nil {
				return nil, nil, err
			}
		}
		held, release := holdLease(ctx, dir, name, note)
		return held, release, nil
	}
}

// living returns the holder as an error, unless nobody holds the lease any more.
func living(ctx context.Context, dir string, last store.Info, holder *LockedError) error {
	if host, _ := os.Hostname(); holder == nil || holder.Host == host && !processAlive(holder.PID) {
		return nil
	}
	now, err := serverTime(ctx, dir)
	if err != nil {
		return err
	}
	if now.Sub(last.Time) >= leaseLife {
		return nil
	}
	return fault.Hintf(holder, "wait for it, stop it, or choose another folder with --out; if its machine is gone, it is released in a minute")
}

// lastLease returns the file of the latest lease and who holds it; nil: nobody.
func lastLease(ctx context.Context, dir string) (last store.Info, holder *LockedError, err error) {
	for f, err := range store.List(ctx, dir, false) {
		if err != nil {
			return last, nil, err
		}
		if path.Ext(f.Name) == ".json" {
			last = f
		}
	}
	if last.Name == "" {
		return last, nil, nil
	}
	holder = new(LockedError)
	err = readJSONFile(last.Name, holder)
	if errors.Is(err, fs.ErrNotExist) {
		return last, nil, nil // released this moment
	}
	return last, holder, err
}

// serverTime is what the store's clock says: ours may be another.
func serverTime(ctx context.Context, dir string) (time.Time, error) {
	name := store.Join(dir, "clock-"+rand.Text()[:12])
	err := store.WriteFile(name, func(io.Writer) error { return nil })
	if err != nil {
		return time.Time{}, err
	}
	info, err := store.Stat(name)
	return info.Time, errors.Join(err, store.Remove(ctx, name))
}

// holdLease renews a lease until it is released.
func holdLease(ctx context.Context, dir, name string, note []byte) (held context.Context, release func()) {
	held, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		renewed := time.Now()
		for {
			select {
			case <-held.Done():
				return
			case <-time.After(leaseRenew):
			}
			last, _, err := lastLease(held, dir)
			if err == nil && last.Name != name && last.Name != "" {
				cancel(errLeaseLost)
				return
			}
			if err == nil {
				err = store.WriteFile(name, func(w io.Writer) error { _, err := w.Write(note); return err })
			}
			if err == nil {
				renewed = time.Now()
			} else if time.Since(renewed) > leaseLife {
				cancel(errLeaseLost)
				return
			}
		}
	}()
	return held, func() {
		cancel(nil)
		<-ended
		store.Remove(context.WithoutCancel(ctx), name) // left behind, it expires
	}
}
