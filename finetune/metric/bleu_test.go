package metric

import (
	"bufio"
	"encoding/json"
	"math"
	"os"
	"testing"
)

// scored is one row of testdata/sacrebleu.jsonl: what sacrebleu 2.6.0 says of
// sentences that are random words of ours, rich in punctuation. Recipe, for
// each row: BLEU(tokenize=t).corpus_score(hyps, zip(*refs)).score for the three
// tokenizers, BLEU(effective_order=True), CHRF(), and get_signature().format().
type scored struct {
	Hyps     []string   `json:"hyps"`
	Refs     [][]string `json:"refs"`
	BLEU13a  float64    `json:"bleu_13a"`
	BLEUIntl float64    `json:"bleu_intl"`
	BLEUNone float64    `json:"bleu_none"`
	BLEUEff  float64    `json:"bleu_eff"`
	BLEUSig  string     `json:"bleu_sig"`
	ChrF     float64    `json:"chrf"`
	ChrFSig  string     `json:"chrf_sig"`
}

func readScored(t *testing.T, name string) []scored {
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []scored
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var r scored
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%s: row %d: %v", name, len(rows), err)
		}
		rows = append(rows, r)
	}
	if len(rows) < 40 {
		t.Fatalf("%s has %d rows", name, len(rows))
	}
	return rows
}

// bleu scores a set; refs[i] are the references of hyps[i].
func bleu(b BLEU, hyps []string, refs [][]string) float64 {
	var sum BLEUStats
	for i, h := range hyps {
		sum.Add(b.Stats(h, refs[i]...))
	}
	return b.Score(sum)
}

func chrf(hyps []string, refs [][]string) float64 {
	var sum ChrFStats
	for i, h := range hyps {
		sum.Add(ChrF{}.Stats(h, refs[i]...))
	}
	return ChrF{}.Score(sum)
}

func TestAgainstSacrebleu(t *testing.T) {
	for i, r := range readScored(t, "testdata/sacrebleu.jsonl") {
		for _, c := range []struct {
			what      string
			got, want float64
		}{
			{"13a", bleu(BLEU{}, r.Hyps, r.Refs), r.BLEU13a},
			{"intl", bleu(BLEU{Tokenize: "intl"}, r.Hyps, r.Refs), r.BLEUIntl},
			{"none", bleu(BLEU{Tokenize: "none"}, r.Hyps, r.Refs), r.BLEUNone},
			{"eff", bleu(BLEU{EffectiveOrder: true}, r.Hyps, r.Refs), r.BLEUEff},
			{"chrF", chrf(r.Hyps, r.Refs), r.ChrF},
		} {
			if math.Abs(c.got-c.want) > 1e-9 {
				t.Errorf("row %d: %s is %.12f, sacrebleu says %.12f\n%q\n%q", i, c.what, c.got, c.want, r.Hyps, r.Refs)
			}
		}
		if got := (BLEU{}).Signature(r.Refs); got != r.BLEUSig {
			t.Errorf("row %d: signature %s, want %s", i, got, r.BLEUSig)
		}
		if got := (ChrF{}).Signature(r.Refs); got != r.ChrFSig {
			t.Errorf("row %d: signature %s, want %s", i, got, r.ChrFSig)
		}
	}
}

func TestChrFByHand(t *testing.T) {
	if got := chrf([]string{"a b c"}, [][]string{{"abc"}}); got != 100 {
		t.Errorf("white space must not count: %v", got)
	}
	// Order 1: precision and recall 1/2; order 2: both 0; mean 1/4.
	if got := chrf([]string{"aa"}, [][]string{{"ab"}}); math.Abs(got-25) > 1e-12 {
		t.Errorf("got %v, want 25", got)
	}
}

func FuzzBLEU(f *testing.F) {
	f.Add("El gato.", "Un gato, 3.5")
	f.Add("", "&amp;lt;")
	f.Add("\xff.\xfe,", "\x1c\u2003")
	f.Fuzz(func(t *testing.T, hyp, ref string) {
		for _, tok := range []string{"13a", "intl", "none"} {
			b := BLEU{Tokenize: tok, EffectiveOrder: true}
			if s := b.Score(b.Stats(hyp, ref)); !(0 <= s && s <= 100.0000001) {
				t.Errorf("%s: %v", tok, s)
			}
			if n := len(b.tokens(ref)); n > 0 {
				if s := b.Score(b.Stats(ref, ref)); math.Abs(s-100) > 1e-9 {
					t.Errorf("%s: a text against itself scores %v", tok, s)
				}
			}
		}
		if s := (ChrF{}).Score(ChrF{}.Stats(hyp, ref)); !(0 <= s && s <= 100.0000001) {
			t.Errorf("chrF %v", s)
		}
	})
}
