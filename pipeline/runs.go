package pipeline

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// A few bytes of a page's runs can stand for any number of values, and the
// library unpacks what they say before it compares that with the page's header.
// Here the lengths are added up beforehand; what ends too early is left to it.

// checkRunsV1 looks at the runs of a page of version 1: repetition levels,
// definition levels, each after its length, and values.
func checkRunsV1(c *parquet.Column, h format.DataPageHeader, body []byte) error {
	for _, l := range []struct {
		name     string
		most     int
		encoding format.Encoding
	}{
		{"repetition", c.MaxRepetitionLevel(), h.RepetitionLevelEncoding},
		{"definition", c.MaxDefinitionLevel(), h.DefinitionLevelEncoding},
	} {
		if l.most == 0 {
			continue
		}
		if len(body) < 4 || int64(len(body)-4) < int64(binary.LittleEndian.Uint32(body)) {
			return fmt.Errorf("it ends in the %s levels", l.name)
		}
		n := 4 + int(binary.LittleEndian.Uint32(body))
		if err := checkLevels(l.name, l.most, l.encoding, h.NumValues, body[4:n]); err != nil {
			return err
		}
		body = body[n:]
	}
	return checkValues(h.Encoding, h.NumValues, body)
}

// checkRunsV2 looks at the runs of a page of version 2.
func checkRunsV2(c *parquet.Column, h format.DataPageHeaderV2, levels, values []byte) error {
	repetition, definition := levels[:h.RepetitionLevelsByteLength], levels[h.RepetitionLevelsByteLength:]
	if err := checkLevels("repetition", c.MaxRepetitionLevel(), format.RLE, h.NumValues, repetition); err != nil {
		return err
	}
	if err := checkLevels("definition", c.MaxDefinitionLevel(), format.RLE, h.NumValues, definition); err != nil {
		return err
	}
	return checkValues(h.Encoding, h.NumValues, values)
}

func checkLevels(name string, most int, encoding format.Encoding, values int32, b []byte) error {
	if most == 0 || encoding != format.RLE {
		return nil // levels packed bit by bit are as long as they are
	}
	return checkRuns(name+" levels", b, bits.Len(uint(most)), values)
}

func checkValues(encoding format.Encoding, values int32, b []byte) error {
	var err error
	switch encoding {
	//lint:ignore SA1019 what older writers call the same
	case format.PlainDictionary, format.RLEDictionary: // a byte tells the width of an index
		if len(b) > 0 {
			err = checkRuns("indexes", b[1:], int(b[0]), values)
		}
	case format.RLE: // of booleans, after their length
		if len(b) > 4 {
			err = checkRuns("booleans", b[4:], 1, values)
		}
	case format.DeltaBinaryPacked, format.DeltaLengthByteArray:
		_, err = checkDeltas(b, values)
	case format.DeltaByteArray: // the lengths of prefixes, then of suffixes
		if b, err = checkDeltas(b, values); err == nil {
			_, err = checkDeltas(b, values)
		}
	}
	return err
}

// checkRuns adds up runs of equal values and of packed ones.
//
// https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE
func checkRuns(what string, b []byte, width int, values int32) error {
	// The last run may be longer than it need be; some writers fill it up.
	most := 2*uint64(values) + 1024
	for total := uint64(0); len(b) > 0; {
		head, n := binary.Uvarint(b)
		if n <= 0 {
			return nil
		}
		b = b[n:]
		count, size := head>>1, uint64(width+7)/8
		if head&1 != 0 { // groups of eight
			if count > most {
				return fmt.Errorf("%s: a run of %d groups in a page of %d values", what, count, values)
			}
			size = count * uint64(width)
			count *= 8
		}
		if count > most-total {
			return fmt.Errorf("%s: runs of %d values in a page of %d", what, total+count, values)
		}
		total += count
		if size > uint64(len(b)) {
			return nil
		}
		b = b[size:]
	}
	return nil
}

// checkDeltas looks at numbers packed as differences and returns what follows.
//
// https://parquet.apache.org/docs/file-format/data-pages/encodings/#DELTAENC
func checkDeltas(b []byte, values int32) (rest []byte, err error) {
	var head [4]uint64 // values of a block, parts of a block, values, the first one
	for i := range head {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, nil
		}
		head[i], b = v, b[n:]
	}
	block, parts, total := head[0], head[1], head[2]
	if total > uint64(values) {
		return nil, fmt.Errorf("%d differences in a page of %d values", total, values)
	}
	if parts == 0 || parts > block || block > 1<<16 {
		return nil, fmt.Errorf("blocks of %d differences in %d parts", block, parts)
	}
	for left := int64(total) - 1; left > 0; {
		_, n := binary.Uvarint(b) // the least difference
		if n <= 0 || len(b)-n < int(parts) {
			return nil, nil
		}
		widths := b[n : n+int(parts)]
		b = b[n+int(parts):]
		for _, w := range widths {
			if left <= 0 {
				break
			}
			size := int(block/parts) * int(w) / 8
			if size > len(b) {
				return nil, nil
			}
			b = b[size:]
			left -= int64(block / parts)
		}
	}
	return b, nil
}
