package extract

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// What bounds a zip file that is read as a book: its members, and the bytes of one.
const (
	maxMembers = 50_000
	maxMember  = 64 << 20
)

// A zipFile is a zip file of which no more is unpacked than a limit, in all.
type zipFile struct {
	members map[string]*zip.File
	left    int64
}

func openZip(b []byte, limit int64) (*zipFile, error) {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, fmt.Errorf("damaged: %w", err)
	}
	if len(z.File) > maxMembers {
		return nil, fmt.Errorf("%d members: more than %d", len(z.File), maxMembers)
	}
	f := &zipFile{members: map[string]*zip.File{}, left: limit}
	for _, m := range z.File {
		if _, again := f.members[memberName(m.Name)]; !again {
			f.members[memberName(m.Name)] = m
		}
	}
	return f, nil
}

// memberName is a name in the form in which it is looked up.
func memberName(name string) string {
	return strings.ToLower(strings.TrimPrefix(path.Clean(strings.ReplaceAll(name, `\`, "/")), "/"))
}

func (f *zipFile) has(name string) bool { return f.members[memberName(name)] != nil }

// read returns a member. What is beyond the limit is refused, whatever the
// directory says of sizes.
func (f *zipFile) read(name string) ([]byte, error) {
	m := f.members[memberName(name)]
	if m == nil {
		return nil, errors.New("it is not there")
	}
	if m.Flags&1 != 0 {
		return nil, errors.New("it is encrypted")
	}
	r, err := m.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	limit := max(0, min(f.left, maxMember))
	if m.UncompressedSize64 > uint64(limit) {
		return nil, ErrTooLarge
	}
	// Nothing packs better than a thousand times, so that a lie costs no memory.
	b := bytes.NewBuffer(make([]byte, 0, min(m.UncompressedSize64, 1100*m.CompressedSize64)+bytes.MinRead))
	n, err := b.ReadFrom(io.LimitReader(r, limit+1))
	f.left -= n
	if n > limit {
		return nil, ErrTooLarge
	}
	return b.Bytes(), err
}
