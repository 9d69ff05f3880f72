package tokenize

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"fragua/pipeline/fault"
)

const backtracking = "(a+)+$"

// parseWith returns a tokenizer of single letters with a part of somebody else's.
func parseWith(t *testing.T, part string) *Tokenizer {
	t.Helper()
	tok, err := Parse([]byte(`{` + part + `,"model":{"type":"BPE","vocab":{"a":0,"b":1,"!":2," ":3},"merges":[]}}`))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// A pattern that backtracks without end is an error after a while, in learning
// and in encoding.
func TestSlowPattern(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("a", 40) + "!"
	check := func(name string, err error, began time.Time) {
		var hint *fault.Hint
		if err == nil || !strings.Contains(err.Error(), backtracking) || !errors.As(err, &hint) {
			t.Errorf("%s: %v", name, err)
		}
		if d := time.Since(began); d > 10*matchTimeout {
			t.Errorf("%s: after %v", name, d)
		}
	}
	began := time.Now()
	p, _, err := PatternOf(backtracking)
	if err != nil {
		t.Fatal(err)
	}
	check("count", newWordCounter().count(p, []byte(text), false), began)
	began = time.Now()
	tok := parseWith(t, `"pre_tokenizer":{"type":"Split","pattern":{"Regex":"`+backtracking+`"},"behavior":"Isolated"}`)
	kept := []int32{7}
	ids, err := tok.AppendIDs(kept, text)
	check("encode", err, began)
	if len(ids) != 1 || ids[0] != 7 {
		t.Errorf("with an error the ids are %v", ids)
	}
}

// Many matches, each of which is fast enough, are too slow together.
func TestStopwatch(t *testing.T) {
	w := newStopwatch("x", "text")
	w.start = w.start.Add(-time.Hour)
	err := func() (err error) {
		defer recoverEncode(&err)
		w.check(nil)
		return nil
	}()
	if err == nil || !strings.Contains(err.Error(), "too long") {
		t.Error(err)
	}
}

// Normalizers and decoders that make much of little are refused; what is in use
// is far below the limit.
func TestGrowth(t *testing.T) {
	text := strings.Repeat("a", 100_000)
	long := strings.Repeat("a", 1000)
	double := `{"type":"Replace","pattern":{"String":"a"},"content":"aa"}`
	for name, part := range map[string]string{
		"string":   `{"type":"Replace","pattern":{"String":"a"},"content":"` + long + `"}`,
		"empty":    `{"type":"Replace","pattern":{"String":""},"content":"` + long + `"}`,
		"regex":    `{"type":"Replace","pattern":{"Regex":"a"},"content":"` + long + `"}`,
		"sequence": `{"type":"Sequence","normalizers":[` + strings.TrimSuffix(strings.Repeat(double+",", 60), ",") + `]}`,
		"prepend":  `{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"` + strings.Repeat("a", 10_000_000) + `"}]}`,
	} {
		_, err := parseWith(t, `"normalizer":`+part).AppendIDs(nil, text)
		if err == nil || !strings.Contains(err.Error(), "normalizer") {
			t.Errorf("%s: %v", name, err)
		}
	}
	tok := parseWith(t, `"normalizer":{"type":"Sequence","normalizers":[{"type":"NFKD"},`+double+`,`+double+`,{"type":"ByteLevel"}]}`)
	if ids, err := tok.AppendIDs(nil, "a"); err != nil || len(ids) != 4 {
		t.Errorf("%v, %v", ids, err)
	}
	for _, decoder := range []string{
		`{"type":"Replace","pattern":{"String":"a"},"content":"` + long + `"}`,
		`{"type":"Sequence","decoders":[` + double + `,` + double + `,` + double + `]}`,
		`{"type":"Replace","pattern":{"Regex":"a(?=b)"},"content":""}`,
	} {
		if _, err := Parse([]byte(`{"decoder":` + decoder + `,"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}`)); err == nil || !strings.Contains(err.Error(), "decoder Replace") {
			t.Errorf("%.60s: %v", decoder, err)
		}
	}
	tok = parseWith(t, fmt.Sprintf(`"decoder":{"type":"Strip","content":"x","start":%d,"stop":%d}`, 1<<60, 1<<60))
	if got := tok.Decode([]int32{0, 1}); got != "ab" {
		t.Errorf("decoded %q", got)
	}
}
