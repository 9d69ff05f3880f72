package tokenize

import (
	"fmt"
	"strings"
	"time"

	"fragua/pipeline/fault"
)

// A tokenizer.json comes from others: its regular expressions may backtrack without
// end, and its normalizers may make a page of every letter. Both are bounded here.
const (
	matchTimeout = 3 * time.Second  // of one match
	textTimeout  = 10 * time.Second // of all matches in a MiB of text
	growth       = 64               // a normalized text has at most this many bytes for each byte,
	growthFree   = 4 << 10          // and these
)

// An encodeError is what the package panics with when a text passes a limit; the
// exported functions return it as an error.
type encodeError struct{ error }

// recoverEncode makes an error of an encodeError.
func recoverEncode(err *error) {
	switch r := recover().(type) {
	case nil:
	case encodeError:
		*err = r.error
	default:
		panic(r)
	}
}

// checkGrowth stops a normalizer whose result is longer than limit.
func checkGrowth(size, limit int) {
	if size > limit {
		panic(encodeError{fault.Hintf(fmt.Errorf("the tokenizer's normalizer makes a text more than %d times as long", growth), "the tokenizer.json is damaged, or not meant for use: look at its part \"normalizer\"")})
	}
}

// replaceAll is strings.ReplaceAll with a limit on the result.
func replaceAll(s, old, with string, limit int) string {
	if len(with) > len(old) {
		checkGrowth(len(s)+strings.Count(s, old)*(len(with)-len(old)), limit)
	}
	return strings.ReplaceAll(s, old, with)
}

// A stopwatch stops a search in a text that takes too long.
type stopwatch struct {
	pattern string
	start   time.Time
	most    time.Duration
}

func newStopwatch(pattern string, text string) stopwatch {
	return stopwatch{pattern, time.Now(), matchTimeout + textTimeout*time.Duration(len(text))>>20}
}

// check panics if a match failed, or if all matches took too long.
func (s stopwatch) check(err error) {
	took := time.Since(s.start)
	if err != nil || took > s.most { // the engine's own error holds the whole text
		panic(encodeError{fault.Hintf(fmt.Errorf("the pattern %q takes too long: not done after %v", s.pattern, took.Round(time.Second)),
			"it backtracks on this text, as nested repetitions like (a+)+ do: use a pattern without them")})
	}
}
