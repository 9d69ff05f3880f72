package store

import (
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestNames(t *testing.T) {
	for name, want := range map[string]string{"a.txt": "a.txt", "a\xff.txt": `a\xff.txt`, "a\uFFFD.txt": "a\uFFFD.txt", "ñ\xc3": `ñ\xc3`, `a\xff.txt`: `a\xff.txt`} {
		if got := EscapeName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		name := string(rapid.SliceOf(rapid.ByteRange(0x5d, 0xff)).Draw(t, "name")) // no backslash
		if e := EscapeName(name); !utf8.ValidString(e) || UnescapeName(e) != name {
			t.Fatalf("%q → %q → %q", name, e, UnescapeName(e))
		}
	})
}
