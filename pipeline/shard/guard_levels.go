package shard

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// A few bytes of a page's runs can stand for any number of values, and the
// library unpacks what they say before it compares that with the page's header;
// where there are fewer, it makes up the rest. Here they are counted beforehand.

// unknown is a number of values that is not counted.
const unknown = -1

// checkRunsV1 looks at a page of version 1: repetition levels, definition levels,
// each after its length, and values.
func checkRunsV1(c *parquet.Column, h format.DataPageHeader, body []byte) error {
	present := int(h.NumValues)
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
		if l.encoding != format.RLE { // packed bit by bit, as old writers did
			present = unknown
			n := (int(h.NumValues)*bits.Len(uint(l.most)) + 7) / 8
			if n > len(body) {
				return fmt.Errorf("it ends in the %s levels", l.name)
			}
			body = body[n:]
			continue
		}
		if len(body) < 4 || int64(len(body)-4) < int64(binary.LittleEndian.Uint32(body)) {
			return fmt.Errorf("it ends in the %s levels", l.name)
		}
		n := 4 + int(binary.LittleEndian.Uint32(body))
		full, err := checkLevels(l.name, l.most, h.NumValues, body[4:n])
		if err != nil {
			return err
		}
		if l.name == "definition" && present != unknown {
			present = full
		}
		body = body[n:]
	}
	return checkValues(c, h.Encoding, h.NumValues, present, body)
}

// checkRunsV2 looks at a page of version 2.
func checkRunsV2(c *parquet.Column, h format.DataPageHeaderV2, levels, values []byte) error {
	repetition, definition := levels[:h.RepetitionLevelsByteLength], levels[h.RepetitionLevelsByteLength:]
	present := int(h.NumValues)
	if most := c.MaxRepetitionLevel(); most > 0 {
		if _, err := checkLevels("repetition", most, h.NumValues, repetition); err != nil {
			return err
		}
	}
	if most := c.MaxDefinitionLevel(); most > 0 {
		var err error
		if present, err = checkLevels("definition", most, h.NumValues, definition); err != nil {
			return err
		}
	}
	return checkValues(c, h.Encoding, h.NumValues, present, values)
}

// checkLevels returns how many levels are the highest.
func checkLevels(name string, most int, values int32, b []byte) (full int, err error) {
	r := runs{what: name + " levels", width: bits.Len(uint(most)), values: values, most: uint64(most)}
	return r.check(b)
}

// checkValues looks at the values of a page of this many, of which present are not
// null.
func checkValues(c *parquet.Column, encoding format.Encoding, values int32, present int, b []byte) error {
	have := unknown
	var err error
	switch encoding {
	//lint:ignore SA1019 what older writers call the same
	case format.PlainDictionary, format.RLEDictionary: // a byte tells the width of an index
		if have = 0; len(b) > 0 {
			r := runs{what: "indexes", width: int(b[0]), values: values}
			_, err = r.check(b[1:])
			have = int(r.total)
		}
	case format.RLE: // of booleans, after their length
		if have = 0; len(b) > 4 {
			r := runs{what: "booleans", width: 1, values: values}
			_, err = r.check(b[4:])
			have = int(r.total)
		}
	case format.DeltaBinaryPacked, format.DeltaLengthByteArray:
		_, err = checkDeltas(b, values)
	case format.DeltaByteArray: // the lengths of prefixes, then of suffixes
		if b, err = checkDeltas(b, values); err == nil {
			_, err = checkDeltas(b, values)
		}
	case format.Plain, format.ByteStreamSplit:
		have = plainValues(c.Type(), b, present)
	}
	if err == nil && have != unknown && have < present {
		err = fmt.Errorf("%d values, where the page announces %d", have, present)
	}
	return err
}

// plainValues counts values that stand one after another, up to most.
func plainValues(t parquet.Type, b []byte, most int) int {
	switch t.Kind() {
	case parquet.Boolean:
		return 8 * len(b)
	case parquet.Int32, parquet.Float:
		return len(b) / 4
	case parquet.Int64, parquet.Double:
		return len(b) / 8
	case parquet.Int96:
		return len(b) / 12
	case parquet.FixedLenByteArray:
		if n := t.Length(); n > 0 {
			return len(b) / n
		}
		return unknown
	}
	n := 0
	for n < most && len(b) >= 4 {
		size := int64(binary.LittleEndian.Uint32(b))
		if b = b[4:]; size > int64(len(b)) {
			return n
		}
		b = b[size:]
		n++
	}
	return n
}

// runs counts runs of equal values and of packed ones.
//
// https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE
type runs struct {
	what   string
	width  int
	values int32  // of the page
	most   uint64 // a value; those equal to it are counted
	total  uint64 // of values in the runs
}

func (r *runs) check(b []byte) (full int, err error) {
	// The last run may be longer than it need be; some writers fill it up.
	limit := 2*uint64(r.values) + 1024
	for len(b) > 0 {
		head, n := binary.Uvarint(b)
		if n <= 0 {
			return full, nil
		}
		b = b[n:]
		count, size := head>>1, uint64(r.width+7)/8
		packed := head&1 != 0
		if packed { // groups of eight
			if count > limit {
				return 0, fmt.Errorf("%s: a run of %d groups in a page of %d values", r.what, count, r.values)
			}
			size = count * uint64(r.width)
			count *= 8
		}
		if count > limit-r.total {
			return 0, fmt.Errorf("%s: runs of %d values in a page of %d", r.what, r.total+count, r.values)
		}
		if size > uint64(len(b)) {
			return full, nil
		}
		here := min(count, uint64(max(r.values, 0))-min(r.total, uint64(max(r.values, 0)))) // of the page
		r.total += count
		if r.most > 0 {
			if packed {
				full += r.packed(b[:size], here)
			} else if r.value(b[:size]) == r.most {
				full += int(here)
			}
		}
		b = b[size:]
	}
	return full, nil
}

func (r *runs) value(b []byte) (v uint64) {
	for i, c := range b[:min(len(b), 8)] {
		v |= uint64(c) << (8 * i)
	}
	return v
}

// packed counts the first n values, packed from the lowest bit on.
func (r *runs) packed(b []byte, n uint64) (full int) {
	if r.width == 1 {
		for ; n >= 8; n -= 8 {
			full += bits.OnesCount8(b[0])
			b = b[1:]
		}
		if n > 0 {
			full += bits.OnesCount8(b[0] << (8 - n))
		}
		return full
	}
	for i := range n {
		var v uint64
		for k := range uint64(r.width) {
			at := i*uint64(r.width) + k
			v |= uint64(b[at/8]>>(at%8)&1) << k
		}
		if v == r.most {
			full++
		}
	}
	return full
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
