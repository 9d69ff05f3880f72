package model

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"testing"

	"fragua/model/tensor"
)

var reference = flag.String("reference", "", "write the models of TestReference into this folder, for testdata/reference.py")

// referenceBatch is two rows of several documents.
func referenceBatch() *Batch {
	b := &Batch{B: 2, T: testContext}
	for i := range b.B * b.T {
		b.IDs = append(b.IDs, int32((i*i*7+i*13+5)%testVocab))
		b.Docs = append(b.Docs, int32(i%testContext/10))
	}
	for i := range b.IDs {
		target := int32(-1)
		if (i+1)%b.T != 0 && b.Docs[i] == b.Docs[i+1] {
			target = b.IDs[i+1]
		}
		b.Targets = append(b.Targets, target)
	}
	return b
}

// TestReference holds the architectures that transformers does not have to what PyTorch computes with the same weights, in
// testdata/reference.json:
//
//	go test ./model -run TestReference -reference /tmp/r && python model/testdata/reference.py /tmp/r > model/testdata/reference.json
func TestReference(t *testing.T) {
	var golden map[string]struct {
		Loss   float64
		Logits [][]float64 // of the first row
	}
	b, err := os.ReadFile("testdata/reference.json")
	if err == nil {
		err = json.Unmarshal(b, &golden)
	}
	if err != nil && *reference == "" {
		t.Fatal(err)
	}
	for _, name := range []string{"lstm", "nnlm", "palm"} {
		m := build(t, small()[name])
		batch := referenceBatch()
		if *reference != "" {
			dir := filepath.Join(*reference, name)
			if err := os.MkdirAll(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			if err := Save(dir, m, Extra{}); err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(batch)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "batch.json"), b, 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want := golden[name]
		loss := m.Loss(nil, batch)
		if got := loss.NLL / float64(loss.Targets); math.Abs(got-want.Loss) > 1e-4 {
			t.Errorf("%s: loss %.6f, PyTorch's is %.6f", name, got, want.Loss)
		}
		var tp *tensor.Tape
		logits := Logits(tp, m, m.Hidden(tp, batch))
		if len(want.Logits) != testContext {
			t.Errorf("%s: %d rows of logits", name, len(want.Logits))
		}
		for i, row := range want.Logits {
			for k, w := range row {
				if got := float64(logits.Data[i*testVocab+k]); math.Abs(got-w) > 1e-4 {
					t.Fatalf("%s: logit %d at position %d is %v, PyTorch's is %v", name, k, i, got, w)
				}
			}
		}
	}
}
