package shard

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// valueOf returns the function that makes of a value of a leaf what its logical
// type means:
//
//	boolean                       bool
//	integers                      int64, or uint64 if unsigned
//	DECIMAL                       json.Number, with as many decimals as its scale
//	float, double, FLOAT16        json.Number; NaN, +Inf and -Inf are strings
//	DATE                          "2006-01-02"
//	TIME                          "15:04:05.123456"
//	TIMESTAMP, INT96              "2006-01-02T15:04:05.123456Z"; without Z if it is of no time zone
//	STRING, ENUM, JSON            string
//	UUID                          "123e4567-e89b-12d3-a456-426614174000"
//	INTERVAL                      object: months, days, milliseconds
//	other bytes                   string if they are UTF-8, else base64
//
// It returns false for bytes that its type does not allow: a number of the wrong
// length, a STRING that is not UTF-8, which comes as it is.
func valueOf(e *format.SchemaElement) func(parquet.Value) (any, bool) {
	switch t := e.LogicalType.Value.(type) {
	case *format.DecimalType:
		return decimal(t.Scale)
	case *format.DateType:
		return date
	case *format.TimeType:
		return clock(duration(t.Unit))
	case *format.TimestampType:
		return timestamp(duration(t.Unit), t.IsAdjustedToUTC)
	case *format.IntType:
		return integer(t.IsSigned)
	case *format.UUIDType:
		return uuid
	case *format.Float16Type:
		return float16
	case *format.StringType, *format.EnumType, *format.JsonType:
		return text
	case *format.BsonType, *format.GeometryType, *format.GeographyType:
		return data
	}
	if e.ConvertedType.Valid {
		switch e.ConvertedType.V {
		case deprecated.Decimal:
			return decimal(e.Scale.V)
		case deprecated.Date:
			return date
		case deprecated.TimeMillis:
			return clock(time.Millisecond)
		case deprecated.TimeMicros:
			return clock(time.Microsecond)
		case deprecated.TimestampMillis:
			return timestamp(time.Millisecond, true)
		case deprecated.TimestampMicros:
			return timestamp(time.Microsecond, true)
		case deprecated.Uint8, deprecated.Uint16, deprecated.Uint32, deprecated.Uint64:
			return integer(false)
		case deprecated.UTF8, deprecated.Enum, deprecated.Json:
			return text
		case deprecated.Interval:
			return interval
		case deprecated.Bson:
			return data
		}
	}
	switch e.Type.V {
	case format.ByteArray, format.FixedLenByteArray:
		return anyBytes
	}
	return plain
}

// plain is a value without a logical type.
func plain(v parquet.Value) (any, bool) {
	switch v.Kind() {
	case parquet.Boolean:
		return v.Boolean(), true
	case parquet.Int32:
		return int64(v.Int32()), true
	case parquet.Int64:
		return v.Int64(), true
	case parquet.Int96:
		return int96(v.Int96()), true
	case parquet.Float:
		return float(float64(v.Float()), 32), true
	case parquet.Double:
		return float(v.Double(), 64), true
	}
	return anyBytes(v)
}

func integer(signed bool) func(parquet.Value) (any, bool) {
	return func(v parquet.Value) (any, bool) {
		switch {
		case v.Kind() == parquet.Int32 && signed, v.Kind() == parquet.Int64 && signed:
			return plain(v)
		case v.Kind() == parquet.Int32:
			return uint64(v.Uint32()), true
		case v.Kind() == parquet.Int64:
			return v.Uint64(), true
		}
		return plain(v)
	}
}

func float(x float64, bits int) any {
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 0):
		return fmt.Sprintf("%+f", x) // +Inf, -Inf
	}
	b, err := json.Marshal(x)
	if bits == 32 {
		b, err = json.Marshal(float32(x))
	}
	if err != nil {
		return strconv.FormatFloat(x, 'g', -1, bits)
	}
	return json.Number(b)
}

// float16 is two bytes, the least first: IEEE 754-2008 binary16.
func float16(v parquet.Value) (any, bool) {
	b := v.ByteArray()
	if len(b) != 2 {
		return data(v)
	}
	h := binary.LittleEndian.Uint16(b)
	sign, exponent, fraction := h>>15, int(h>>10&31), float64(h&1023)
	x := math.Ldexp(1+fraction/1024, exponent-15)
	switch {
	case exponent == 0:
		x = math.Ldexp(fraction, -24)
	case exponent == 31 && fraction == 0:
		x = math.Inf(1)
	case exponent == 31:
		return "NaN", true
	}
	if sign == 1 {
		x = math.Copysign(x, -1)
	}
	return float(x, 32), true
}

func decimal(scale int32) func(parquet.Value) (any, bool) {
	return func(v parquet.Value) (any, bool) {
		x := new(big.Int)
		switch v.Kind() {
		case parquet.Int32:
			x.SetInt64(int64(v.Int32()))
		case parquet.Int64:
			x.SetInt64(v.Int64())
		default: // two's complement, the greatest byte first
			b := v.ByteArray()
			if len(b) > 64 || scale > 1000 {
				return data(v)
			}
			x.SetBytes(b)
			if len(b) > 0 && b[0] >= 0x80 {
				x.Sub(x, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
			}
		}
		return json.Number(point(x, int(scale))), true
	}
}

// point writes x / 10^scale.
func point(x *big.Int, scale int) string {
	s := new(big.Int).Abs(x).String()
	if scale > 0 {
		if len(s) <= scale {
			s = strings.Repeat("0", scale-len(s)+1) + s
		}
		s = s[:len(s)-scale] + "." + s[len(s)-scale:]
	} else if scale < 0 && s != "0" {
		s += strings.Repeat("0", -scale)
	}
	if x.Sign() < 0 {
		return "-" + s
	}
	return s
}

func date(v parquet.Value) (any, bool) {
	if v.Kind() != parquet.Int32 {
		return plain(v)
	}
	return day(int64(v.Int32())), true
}

// day writes a day counted from 1970-01-01. ISO 8601 has signs for years of more
// than four digits.
func day(n int64) string { return isoDate(time.Unix(0, 0).UTC().AddDate(0, 0, int(n))) }

func isoDate(t time.Time) string {
	if y := t.Year(); y < 0 || y > 9999 {
		return fmt.Sprintf("%+05d-%02d-%02d", y, t.Month(), t.Day())
	}
	return t.Format(time.DateOnly)
}

func duration(u format.TimeUnit) time.Duration {
	if u.Value == nil {
		return time.Microsecond
	}
	return u.Value.Duration()
}

func clock(unit time.Duration) func(parquet.Value) (any, bool) {
	return func(v parquet.Value) (any, bool) {
		n, ok := ticks(v)
		if day := int64(24 * time.Hour / unit); !ok || n < 0 || n >= day {
			return plain(v)
		}
		return time.Unix(0, n*int64(unit)).UTC().Format("15:04:05.999999999"), true
	}
}

func ticks(v parquet.Value) (int64, bool) {
	switch v.Kind() {
	case parquet.Int32:
		return int64(v.Int32()), true
	case parquet.Int64:
		return v.Int64(), true
	}
	return 0, false
}

func timestamp(unit time.Duration, utc bool) func(parquet.Value) (any, bool) {
	return func(v parquet.Value) (any, bool) {
		n, ok := ticks(v)
		if !ok {
			return plain(v)
		}
		a := int64(time.Second / unit)
		seconds, rest := n/a, n%a
		return instant(time.Unix(seconds, rest*int64(unit)).UTC(), utc), true
	}
}

func instant(t time.Time, utc bool) string {
	s := isoDate(t) + "T" + t.Format("15:04:05.999999999")
	if utc {
		s += "Z"
	}
	return s
}

// int96 is a time as Impala and Spark write it: nanoseconds of the day in eight
// bytes, and the Julian day in four. It is of no time zone.
func int96(x deprecated.Int96) string {
	const epoch = 2440588 // Julian day of 1970-01-01
	nanos := int64(uint64(x[1])<<32 | uint64(x[0]))
	t := time.Unix((int64(x[2])-epoch)*86400, 0).UTC().Add(time.Duration(nanos))
	return instant(t, false)
}

func uuid(v parquet.Value) (any, bool) {
	b := v.ByteArray()
	if len(b) != 16 {
		return data(v)
	}
	s := hex.EncodeToString(b)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:], true
}

func interval(v parquet.Value) (any, bool) {
	b := v.ByteArray()
	if len(b) != 12 {
		return data(v)
	}
	return map[string]any{
		"months":       int64(binary.LittleEndian.Uint32(b)),
		"days":         int64(binary.LittleEndian.Uint32(b[4:])),
		"milliseconds": int64(binary.LittleEndian.Uint32(b[8:])),
	}, true
}

// text is a string. One that is not UTF-8 comes as it is, with false: what reads
// it may know its encoding.
func text(v parquet.Value) (any, bool) {
	s := string(v.ByteArray())
	return s, utf8.ValidString(s)
}

// anyBytes are bytes of unknown meaning: older writers put texts into them.
func anyBytes(v parquet.Value) (any, bool) {
	if b := v.ByteArray(); utf8.Valid(b) {
		return string(b), true
	}
	return data(v)
}

func data(v parquet.Value) (any, bool) {
	return base64.StdEncoding.EncodeToString(v.ByteArray()), true
}

// jsonOf writes a value as JSON, for a place where only a string can stand.
func jsonOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}
