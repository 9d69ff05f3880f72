package metric

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// testdata/ter.jsonl is hypothesis, reference, edits and reference words, as sacrebleu 2.6.0 counts
// them of random words of ours, runs of them moved and words inserted, deleted and replaced:
// TER().corpus_score([h], [[r]]), its num_edits and ref_length.
func TestTERIsSacrebleus(t *testing.T) {
	f, err := os.Open("testdata/ter.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var sum TERStats
	rows, refs := 0, [][]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); rows++ {
		var row [4]any
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		s := TER{}.Stats(row[0].(string), row[1].(string))
		if s.Edits != int(row[2].(float64)) || s.Words != row[3].(float64) {
			t.Errorf("row %d: %+v, want %v edits of %v words: %q, %q", rows, s, row[2], row[3], row[0], row[1])
		}
		sum.Add(s)
		refs = append(refs, []string{row[1].(string)})
	}
	if got := fmt.Sprintf("%.12f", TER{}.Score(sum)); got != "22.997299729973" || rows != 263 {
		t.Errorf("%s of %d rows", got, rows)
	}
	if got := (TER{}).Signature(refs); got != "nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:2.6.0" {
		t.Error(got)
	}
	if got := (TER{}).Score(TER{}.Stats("the cat is on the mat", "on the mat is the cat", "the cat sits on the mat today")); math.Abs(got-30.76923076923077) > 1e-12 {
		t.Errorf("two references: %v", got)
	}
}

// Edits are never more than rewriting everything, and none for equal texts.
func FuzzTER(f *testing.F) {
	f.Add("a b c", "c a b")
	f.Fuzz(func(t *testing.T, hyp, ref string) {
		if len(hyp)+len(ref) > 200 {
			return
		}
		s := TER{}.Stats(hyp, ref)
		if most := max(len(strings.Fields(hyp)), int(s.Words)) + 200; s.Edits < 0 || s.Edits > most {
			t.Errorf("%d edits", s.Edits)
		}
		if e := (TER{}).Stats(ref, ref).Edits; e != 0 {
			t.Errorf("%d edits of equal texts", e)
		}
	})
}
