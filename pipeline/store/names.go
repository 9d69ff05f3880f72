package store

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// EscapeName writes the bytes of a file's name that are not UTF-8 as \xNN, so that
// it can stand in JSON and Parquet. Other names stay as they are.
func EscapeName(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, name[i])
		} else {
			b.WriteString(name[i : i+n])
		}
		i += n
	}
	return b.String()
}

// UnescapeName undoes EscapeName.
func UnescapeName(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		if n := name[i:]; len(n) >= 4 && n[:2] == `\x` {
			if c, err := strconv.ParseUint(n[2:4], 16, 8); err == nil && c >= utf8.RuneSelf {
				b.WriteByte(byte(c))
				i += 4
				continue
			}
		}
		b.WriteByte(name[i])
		i++
	}
	return b.String()
}
