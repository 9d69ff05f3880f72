package shard

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
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
		d := zstds.Get().(*zstd.Decoder)
		defer zstds.Put(d)
		return d.DecodeAll(b, make([]byte, 0, size))
	case format.Gzip:
		r, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		return readLimited(r, size)
	case format.Brotli:
		return readLimited(brotli.NewReader(bytes.NewReader(b)), size)
	case format.Lz4Raw:
		return unpackLZ4(b, size)
	case format.Lz4:
		return unpackOldLZ4(b, size)
	}
	return nil, &Refused{fmt.Errorf("compressed with %s, which cannot be read", codec), "write it again with zstd or snappy"}
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

// zstds are decoders that wait for a page.
var zstds = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic(err) // only of options that are wrong
	}
	return d
}}

// unpackLZ4 unpacks one block of LZ4.
func unpackLZ4(b []byte, size int) ([]byte, error) {
	out := make([]byte, size)
	n, err := lz4.UncompressBlock(b, out)
	return out[:max(n, 0)], err
}

// unpackOldLZ4 unpacks what writers called LZ4 before LZ4_RAW: blocks as Hadoop
// frames them, each after its unpacked and its packed length, or one bare block.
func unpackOldLZ4(b []byte, size int) ([]byte, error) {
	if out, err := unpackHadoop(b, size); err == nil {
		return out, nil
	}
	return unpackLZ4(b, size)
}

func unpackHadoop(b []byte, size int) ([]byte, error) {
	out := make([]byte, 0, size)
	for len(b) > 0 {
		if len(b) < 8 {
			return nil, io.ErrUnexpectedEOF
		}
		unpacked, packed := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
		if b = b[8:]; int64(packed) > int64(len(b)) || int64(unpacked) > int64(size-len(out)) {
			return nil, fmt.Errorf("lz4: a block of %d bytes that unpack to %d", packed, unpacked)
		}
		n, err := lz4.UncompressBlock(b[:packed], out[len(out):len(out)+int(unpacked)])
		if err != nil || n != int(unpacked) {
			return nil, fmt.Errorf("lz4: %d bytes of %d: %w", n, unpacked, err)
		}
		out, b = out[:len(out)+n], b[packed:]
	}
	return out, nil
}
