package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"

	"fragua/pipeline/fault"
)

// How an object is read: a request costs tens of milliseconds, so what is read in
// order comes in windows that grow, and what is read here and there in small ones.
const (
	smallestWindow = 256 << 10
	largestWindow  = 8 << 20
	readTries      = 8 // of a window whose bytes stop coming, a second apart and more
)

// objectReader reads an object in ranges. It reads one version: an object that is
// replaced meanwhile is an error.
type objectReader struct {
	b    bucket
	ctx  context.Context
	info Info
	etag string

	mu     sync.Mutex
	window []byte // the last bytes that came
	at     int64  // of the window
}

func (b bucket) Open(ctx context.Context, name string) (Reader, error) {
	o, err := b.core.StatObject(ctx, b.name, key(name), minio.StatObjectOptions{})
	if err != nil {
		if err = wrong("read", name, err); missing(err) {
			if info, e := b.Stat(ctx, name); !missing(e) && e != nil {
				err = e // the answer does not tell that even the bucket is missing
			} else if e == nil && info.Dir {
				err = fault.Hintf(fmt.Errorf("%s is a folder", name), "name a file in it")
			}
		}
		return nil, err
	}
	return &objectReader{b: b, ctx: ctx, info: Info{Name: name, Size: o.Size, Time: o.LastModified, Tag: o.ETag}, etag: o.ETag}, nil
}

func (r *objectReader) Info() Info { return r.info }

// Close lets go of the window.
func (r *objectReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.window = nil
	return nil
}

func (r *objectReader) ReadAt(p []byte, at int64) (n int, err error) {
	if at < 0 {
		return 0, errors.New("an offset below 0")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for n < len(p) {
		if at >= r.info.Size {
			return n, io.EOF
		}
		if at < r.at || at >= r.at+int64(len(r.window)) {
			if err := r.move(at, int64(len(p)-n)); err != nil {
				return n, err
			}
		}
		k := copy(p[n:], r.window[at-r.at:])
		n, at = n+k, at+int64(k)
	}
	return n, nil
}

// move fetches the window that begins at an offset: at least want bytes, and twice
// the last one where that ended.
func (r *objectReader) move(at, want int64) error {
	size := int64(smallestWindow)
	if at == r.at+int64(len(r.window)) {
		size = min(2*int64(len(r.window)), largestWindow)
	}
	size = min(max(size, want, smallestWindow), r.info.Size-at)
	if int64(cap(r.window)) < size {
		r.window = make([]byte, size)
	}
	window := r.window[:size]
	r.window = r.window[:0]
	var err error
	for try := range readTries {
		if try > 0 {
			select {
			case <-time.After(min(time.Duration(try)*time.Second, 5*time.Second)):
			case <-r.ctx.Done():
				return context.Cause(r.ctx)
			}
		}
		if err = r.fetch(window, at); err == nil {
			r.window, r.at = window, at
			return nil
		}
		if r.ctx.Err() != nil {
			return context.Cause(r.ctx)
		}
		if code := minio.ToErrorResponse(err).Code; code == minio.PreconditionFailed || code == minio.NoSuchKey {
			return fault.Hintf(fmt.Errorf("%s: the file changed while it was read", r.info.Name), "give the same command again")
		} else if code != "" && code != "InternalError" && code != "SlowDown" && code != "ServiceUnavailable" {
			break // the server's last word
		}
	}
	return wrong("read", r.info.Name, err)
}

// errStalled is why a request is given up whose bytes have stopped coming.
var errStalled = errors.New("no bytes came for a minute")

// fetch fills a buffer from an offset on.
func (r *objectReader) fetch(p []byte, at int64) error {
	ctx, cancel := context.WithCancelCause(r.ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(patience, func() { cancel(errStalled) })
	defer stalled.Stop()
	var o minio.GetObjectOptions
	err := errors.Join(o.SetRange(at, at+int64(len(p))-1), o.SetMatchETag(r.etag))
	if err != nil {
		return err
	}
	body, _, _, err := r.b.core.GetObject(ctx, r.b.name, key(r.info.Name), o)
	if err != nil {
		return cause(ctx, err)
	}
	defer body.Close()
	for n := 0; n < len(p); {
		k, err := body.Read(p[n:])
		n += k
		stalled.Reset(patience)
		if err != nil && n < len(p) {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return cause(ctx, err)
		}
	}
	return nil
}

func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
