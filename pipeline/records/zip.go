package records

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"fragua/pipeline/store"
)

// Zip is zip archives of texts and pages. Ranges count members.
type Zip struct {
	Max int64 // bytes of a member, unpacked
}

// A Member is a file in a zip archive.
type Member struct {
	Index int64
	Name  string
	Kind  Kind
	Body  []byte // of plain text and HTML alone
}

// openZip opens an archive. An archive whose members overlap is a bomb.
func openZip(ctx context.Context, f File) (*store.RawReader, *zip.Reader, error) {
	file, err := store.OpenRaw(ctx, f.Path)
	if err != nil {
		return nil, nil, err
	}
	file.BackAndForth()
	z, err := zip.NewReader(file, file.Size())
	if err == nil || errors.Is(err, zip.ErrInsecurePath) {
		err = nil
		packed := uint64(0)
		for _, m := range z.File {
			packed += m.CompressedSize64
		}
		if packed > uint64(file.Size()) {
			err = errors.New("its members overlap, as those of a zip bomb do")
		}
	}
	if file.Err() != nil {
		err = file.Err()
	} else if err != nil {
		err = &Damaged{err}
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, z, nil
}

// Divide divides an archive by members.
func (z Zip) Divide(ctx context.Context, f File, size int64) ([]Range, error) {
	if f.Size <= size {
		return []Range{{To: 1 << 40, Size: f.Size}}, nil
	}
	file, archive, err := openZip(ctx, f)
	if err != nil {
		return []Range{{To: 1 << 40, Size: f.Size}}, ignoreDamage(err)
	}
	defer file.Close()
	var ranges []Range
	open := Range{}
	for _, m := range archive.File {
		open.To++
		if open.Size += int64(m.CompressedSize64); open.Size >= size {
			ranges = append(ranges, open)
			open = Range{From: open.To, To: open.To}
		}
	}
	if open.To > open.From || len(ranges) == 0 {
		ranges = append(ranges, open)
	}
	return ranges, nil
}

// Read yields the members of a range. One that cannot be read is a *Failure.
func (z Zip) Read(ctx context.Context, f File, r Range) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		file, archive, err := openZip(ctx, f)
		if err != nil {
			yield(Member{}, lost(f, 0, 0, err))
			return
		}
		defer file.Close()
		for i := r.From; i < min(r.To, int64(len(archive.File))); i++ {
			if ctx.Err() != nil {
				yield(Member{}, context.Cause(ctx))
				return
			}
			entry := archive.File[i]
			if strings.HasSuffix(entry.Name, "/") {
				continue
			}
			m := Member{Index: i, Name: store.EscapeName(entry.Name)}
			err := m.read(entry, z.Max)
			if file.Err() != nil {
				yield(Member{}, file.Err())
				return
			}
			if err != nil {
				err = &Failure{File: f.Name, Offset: i, Err: fmt.Errorf("member %q: %w", m.Name, err)}
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

func (m *Member) read(entry *zip.File, limit int64) error {
	if entry.Flags&1 != 0 {
		return errors.New("it is encrypted")
	}
	r, err := entry.Open()
	if err != nil {
		return noEOF(err)
	}
	defer r.Close()
	head := bufio.NewReaderSize(r, sniffSize)
	start, err := head.Peek(sniffSize)
	if err != nil && err != io.EOF {
		return noEOF(err)
	}
	if m.Kind = Sniff(start); m.Kind != KindText && m.Kind != KindHTML && m.Kind != KindPiece {
		return nil
	}
	// What it says of its size is held by the reader; nothing packs better than a
	// thousand times.
	size := entry.UncompressedSize64
	if size > uint64(limit) {
		return fmt.Errorf("it unpacks to %d bytes: %w", size, errTooLong)
	}
	b := bytes.NewBuffer(make([]byte, 0, min(size, 1100*entry.CompressedSize64)+bytes.MinRead))
	if _, err := b.ReadFrom(io.LimitReader(head, limit+1)); err != nil {
		return noEOF(err)
	}
	m.Body = b.Bytes()
	return nil
}
