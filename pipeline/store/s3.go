package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"

	"fragua/pipeline/fault"
)

// bucket is the store of s3://BUCKET/…: Amazon's, or any server that speaks its
// protocol. A file is an object; its upload's completion is what makes it appear.
type bucket struct {
	core *minio.Core
	name string
}

// patience is how long a server may say nothing before a request is given up and
// tried again.
const patience = 60 * time.Second

// clients are the connections so far, by endpoint; one serves all buckets.
var clients = struct {
	sync.Mutex
	open map[awsSettings]*minio.Core
}{open: map[awsSettings]*minio.Core{}}

func openS3(name string) (Store, error) {
	host, _ := splitS3(name)
	if host == "" {
		return nil, &fault.UsageError{Err: fault.Hintf(fmt.Errorf("%s names no bucket", name), "write s3://BUCKET/KEY")}
	}
	settings, err := readAWSSettings()
	if err != nil {
		return nil, err
	}
	clients.Lock()
	defer clients.Unlock()
	core, ok := clients.open[settings]
	if !ok {
		if core, err = settings.connect(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		clients.open[settings] = core
	}
	return bucket{core, host}, nil
}

// connect makes a client; it asks the server for nothing yet.
func (s awsSettings) connect() (*minio.Core, error) {
	u, err := url.Parse(s.endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" {
		return nil, &fault.UsageError{Err: fault.Hintf(fmt.Errorf("the endpoint %q is no address of a server", s.endpoint), "write AWS_ENDPOINT_URL as https://HOST:PORT")}
	}
	return minio.NewCore(u.Host, &minio.Options{
		Creds: s.credentials(), Secure: u.Scheme == "https", Region: s.region,
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: patience,
			MaxIdleConnsPerHost:   64,
			IdleConnTimeout:       90 * time.Second,
			DisableCompression:    true,
		},
	})
}

// splitS3 splits s3://BUCKET/KEY.
func splitS3(name string) (bucket, key string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(name, "s3://"), "/")
	return bucket, key
}

func key(name string) string { _, k := splitS3(name); return k }

// wrong names the file in an error, and its remedy.
func wrong(op, name string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	var dial net.Error
	switch r := minio.ToErrorResponse(err); {
	case r.Code == minio.NoSuchKey || r.Code == "NotFound":
		return notExist(op, name)
	case r.Code == minio.PreconditionFailed || r.Code == "ConditionalRequestConflict":
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrExist}
	case r.Code == minio.NoSuchBucket:
		host, _ := splitS3(name)
		return fault.Hintf(fmt.Errorf("%s: there is no bucket %s", name, host), "create it, or correct its name, AWS_REGION or AWS_ENDPOINT_URL")
	case slices.Contains([]string{minio.AccessDenied, minio.InvalidAccessKeyID, minio.SignatureDoesNotMatch, "ExpiredToken", "InvalidToken"}, r.Code):
		return fault.Hintf(fmt.Errorf("%s: the server refuses to %s it: %s", name, op, r.Message), "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and what they may do in this bucket")
	case errors.As(err, &dial), errors.Is(err, errStalled):
		return fault.Hintf(fmt.Errorf("%s: the server does not answer: %w", name, err), "check the network and AWS_ENDPOINT_URL, and give the same command again: it goes on from here")
	}
	return fmt.Errorf("%s %s: %w", op, name, err)
}

func (b bucket) Stat(ctx context.Context, name string) (Info, error) {
	if k := key(name); k != "" {
		o, err := b.core.StatObject(ctx, b.name, k, minio.StatObjectOptions{})
		if err == nil && !strings.HasSuffix(k, "/") {
			return Info{Name: name, Size: o.Size, Time: o.LastModified, Tag: o.ETag}, nil
		}
		if err = wrong("read", name, err); err != nil && !missing(err) {
			return Info{}, err
		}
	}
	for _, err := range b.list(ctx, name, false, 1) {
		if err != nil {
			return Info{}, err
		}
		return Info{Name: name, Dir: true}, nil // a folder is what something lies below
	}
	return Info{}, notExist("read", name)
}

func (b bucket) List(ctx context.Context, dir string, deep bool) iter.Seq2[Info, error] {
	return b.list(ctx, dir, deep, 0)
}

func (b bucket) list(ctx context.Context, dir string, deep bool, most int) iter.Seq2[Info, error] {
	prefix := strings.TrimSuffix(key(dir), "/")
	if prefix != "" {
		prefix += "/"
	}
	return func(yield func(Info, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var level []Info // of one folder: a page has its folders after its files
		for o := range b.core.Client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: prefix, Recursive: deep, MaxKeys: most}) {
			if o.Err != nil {
				yield(Info{}, wrong("list", dir, o.Err))
				return
			}
			if deep && strings.HasSuffix(o.Key, "/") || o.Key == prefix {
				continue // some tools mark folders with empty objects
			}
			info := Info{Name: "s3://" + b.name + "/" + strings.TrimSuffix(o.Key, "/"), Size: o.Size, Time: o.LastModified, Dir: strings.HasSuffix(o.Key, "/")}
			if !deep && most == 0 {
				level = append(level, info)
			} else if !yield(info, nil) {
				return
			}
		}
		slices.SortFunc(level, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
		for _, info := range level {
			if !yield(info, nil) {
				return
			}
		}
	}
}

// largestCopy is what the server copies in one request.
const largestCopy = 5 << 30

func (b bucket) Move(ctx context.Context, from, to string) error {
	o, err := b.core.StatObject(ctx, b.name, key(from), minio.StatObjectOptions{})
	if err != nil {
		return wrong("read", from, err)
	}
	src := minio.CopySrcOptions{Bucket: b.name, Object: key(from)}
	dst := minio.CopyDestOptions{Bucket: b.name, Object: key(to)}
	if o.Size < largestCopy {
		_, err = b.core.Client.CopyObject(ctx, dst, src)
	} else {
		_, err = b.core.ComposeObject(ctx, dst, src)
	}
	if err != nil {
		return wrong("write", to, err)
	}
	return b.removeOne(ctx, from)
}

func (b bucket) removeOne(ctx context.Context, name string) error {
	err := b.core.RemoveObject(ctx, b.name, key(name), minio.RemoveObjectOptions{})
	if err = wrong("remove", name, err); missing(err) {
		return nil
	}
	return err
}

func (b bucket) Remove(ctx context.Context, name string) error {
	var all []string
	for o, err := range b.List(ctx, name, true) {
		if err != nil {
			return err
		}
		all = append(all, o.Name)
	}
	if path.Base(name) != b.name {
		all = append(all, name) // it may be a file
	}
	for _, o := range all {
		if err := b.removeOne(ctx, o); err != nil {
			return err
		}
	}
	return nil
}
