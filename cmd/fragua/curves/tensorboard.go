package curves

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// The fields of TensorFlow's messages (tensorflow/core/util/event.proto and
// framework/summary.proto) that are written here.
const (
	eventWallTime    = 1 // double, seconds since 1970
	eventStep        = 2 // int64
	eventFileVersion = 3 // string
	eventSummary     = 5 // Summary
	summaryValue     = 1 // Value
	valueTag         = 1 // string
	valueSimple      = 2 // float
)

func wallTime(t time.Time) []byte {
	b := protowire.AppendTag(nil, eventWallTime, protowire.Fixed64Type)
	return protowire.AppendFixed64(b, math.Float64bits(float64(t.UnixMicro())/1e6))
}

// fileVersion is the event with which a file begins.
func fileVersion(t time.Time) []byte {
	b := protowire.AppendTag(wallTime(t), eventFileVersion, protowire.BytesType)
	return protowire.AppendString(b, "brain.Event:2")
}

// scalar is the event of a point. Its tag is UNIT/CURVE, by which TensorBoard
// draws the curves of one unit in one group.
func scalar(l line) []byte {
	tag := l.Curve
	if l.Unit != l.Curve {
		tag = strings.ReplaceAll(l.Unit, "/", " ") + "/" + l.Curve
	}
	value := protowire.AppendTag(nil, valueTag, protowire.BytesType)
	value = protowire.AppendString(value, tag)
	value = protowire.AppendTag(value, valueSimple, protowire.Fixed32Type)
	value = protowire.AppendFixed32(value, math.Float32bits(float32(l.Value)))
	summary := protowire.AppendTag(nil, summaryValue, protowire.BytesType)
	summary = protowire.AppendBytes(summary, value)
	b := protowire.AppendTag(wallTime(l.Time), eventStep, protowire.VarintType)
	b = protowire.AppendVarint(b, uint64(l.Step))
	b = protowire.AppendTag(b, eventSummary, protowire.BytesType)
	return protowire.AppendBytes(b, summary)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is TensorFlow's checksum (tsl/lib/hash/crc32c.h).
func masked(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// record frames an event: length, its checksum, the event, its checksum
// (tsl/lib/io/record_writer.h).
func record(event []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(event)))
	b = binary.LittleEndian.AppendUint32(b, masked(b))
	b = append(b, event...)
	return binary.LittleEndian.AppendUint32(b, masked(event))
}
