package store

import (
	"bytes"
	"context"
	"errors"
	"io/fs"

	"github.com/minio/minio-go/v7"
)

// firstPart is the size of an upload's parts; it doubles every thousand parts,
// since there may be 10,000 of them and an object may have 5 TiB.
const firstPart = 16 << 20

// upload is a file on its way. One that fits into a part is put at Commit; of a
// larger one the parts go as they are full, and their completion is the commit. A
// crash leaves parts that no name leads to.
type upload struct {
	b     bucket
	ctx   context.Context
	name  string
	id    string // of the upload in parts; "": not begun
	part  bytes.Buffer
	parts []minio.CompletePart
	err   error
	ended bool
}

func (b bucket) Create(ctx context.Context, name string) (Sink, error) {
	return &upload{b: b, ctx: ctx, name: name}, nil
}

func (u *upload) Write(p []byte) (n int, err error) {
	for n < len(p) && u.err == nil {
		room := firstPart<<(len(u.parts)/1000) - u.part.Len()
		k := min(room, len(p)-n)
		u.part.Write(p[n : n+k])
		if n += k; k == room {
			u.err = wrong("write", u.name, u.send())
		}
	}
	return n, u.err
}

// send uploads a part.
func (u *upload) send() (err error) {
	if u.id == "" {
		if u.id, err = u.b.core.NewMultipartUpload(u.ctx, u.b.name, key(u.name), minio.PutObjectOptions{}); err != nil {
			return err
		}
	}
	p, err := u.b.core.PutObjectPart(u.ctx, u.b.name, key(u.name), u.id, len(u.parts)+1, bytes.NewReader(u.part.Bytes()), int64(u.part.Len()), minio.PutObjectPartOptions{})
	if err != nil {
		return err
	}
	u.parts = append(u.parts, minio.CompletePart{PartNumber: len(u.parts) + 1, ETag: p.ETag,
		ChecksumCRC32: p.ChecksumCRC32, ChecksumCRC32C: p.ChecksumCRC32C, ChecksumSHA1: p.ChecksumSHA1, ChecksumSHA256: p.ChecksumSHA256, ChecksumCRC64NVME: p.ChecksumCRC64NVME})
	u.part.Reset()
	return nil
}

// Commit makes the file appear.
func (u *upload) Commit() error {
	if u.err != nil {
		return u.err
	}
	if u.id == "" {
		u.ended = true
		return u.b.put(u.ctx, u.name, u.part.Bytes(), minio.PutObjectOptions{})
	}
	if u.part.Len() > 0 {
		if u.err = wrong("write", u.name, u.send()); u.err != nil {
			return u.err
		}
	}
	_, err := u.b.core.CompleteMultipartUpload(u.ctx, u.b.name, key(u.name), u.id, u.parts, minio.PutObjectOptions{})
	u.err, u.ended = wrong("write", u.name, err), err == nil
	return u.err
}

// Abort gives up the parts that were sent.
func (u *upload) Abort() {
	if !u.ended && u.id != "" {
		u.b.core.AbortMultipartUpload(context.WithoutCancel(u.ctx), u.b.name, key(u.name), u.id)
	}
	u.ended = true
}

func (b bucket) put(ctx context.Context, name string, content []byte, o minio.PutObjectOptions) error {
	_, err := b.core.Client.PutObject(ctx, b.name, key(name), bytes.NewReader(content), int64(len(content)), o)
	return wrong("write", name, err)
}

// PutNew puts an object on the condition that there is none. Where the answer was
// lost and the request came twice, the server refuses the second: what lies there
// then is ours.
func (b bucket) PutNew(ctx context.Context, name string, content []byte) error {
	var o minio.PutObjectOptions
	o.SetMatchETagExcept("*")
	err := b.put(ctx, name, content, o)
	if errors.Is(err, fs.ErrExist) {
		if there, e := ReadFile(name); e == nil && bytes.Equal(there, content) {
			return nil
		}
	}
	return err
}
