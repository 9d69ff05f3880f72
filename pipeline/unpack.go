package pipeline

import (
	"bytes"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

// unpack unpacks a page that may be damaged into at most size bytes.
func unpack(codec format.CompressionCodec, b []byte, size int) ([]byte, error) {
	if len(b) == 0 {
		return b, nil // all values are null
	}
	switch codec {
	case format.Uncompressed:
		return b, nil
	case format.Snappy:
		if n, err := snappy.DecodedLen(b); err != nil || n > size {
			return nil, fmt.Errorf("snappy: %d bytes, where the page announces %d", n, size)
		}
		return snappy.Decode(nil, b)
	case format.Zstd:
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			return nil, err
		}
		defer d.Close()
		return d.DecodeAll(b, make([]byte, 0, size))
	case format.Gzip:
		r, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		return readLimited(r, size)
	case format.Brotli:
		return readLimited(brotli.NewReader(bytes.NewReader(b)), size)
	}
	return nil, fmt.Errorf("compressed with %s, which cannot be read", codec)
}

func readLimited(r io.Reader, size int) ([]byte, error) {
	out := make([]byte, size+1)
	switch n, err := io.ReadFull(r, out); err {
	case nil:
		return nil, fmt.Errorf("more than the %d bytes that the page announces", size)
	case io.EOF, io.ErrUnexpectedEOF:
		return out[:n], nil
	default:
		return nil, err
	}
}
