package main

import (
	"strings"
	"testing"

	"fragua/model"
)

// TestAttendView: shares of itself, the token before and the first, and what is looked at most.
func TestAttendView(t *testing.T) {
	v := view{ids: []int32{1, 2, 3}, tokens: []string{`"a"`, `"bc"`, `"d"`}, top: 2}
	look := []float32{1, 0, 0, .25, .75, 0, .2, .7, .1}
	got := v.all([]model.Look{{look}})
	for _, want := range []string{`the last token, "d", looks at`, `1.1     0.10    0.70    0.20   "bc" 0.70, "a" 0.20`} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if got, want := v.one(look), "\"a\"   \"a\" 1.00\n\"bc\"  \"bc\" 0.75, \"a\" 0.25\n\"d\"   \"bc\" 0.70, \"a\" 0.20\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
