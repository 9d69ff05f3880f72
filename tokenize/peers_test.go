package tokenize

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The files in testdata/peers come from Hugging Face tokenizers 0.23.3: small
// tokenizers learned from a few lines that we wrote, one for each part that a
// tokenizer.json may have, and what it made of some strings with them. Recipe,
// for each tokenizer t and string c:
//
//	t.encode(c, add_special_tokens=False).ids; t.encode(c).ids; t.decode(ids)
//
// and train.json: BpeTrainer(initial_alphabet=ByteLevel.alphabet(),
// special_tokens=["<|endoftext|>"], vocab_size=420, …) over the texts in it,
// train([file]) for line and train_from_iterator([text]) for doc.
func TestPeersEncode(t *testing.T) {
	var golden struct {
		Cases      []string
		Tokenizers map[string]struct {
			IDs, Template [][]int32
			Text          []string
		}
	}
	readJSON(t, "cases.json", &golden)
	for name, want := range golden.Tokenizers {
		t.Run(name, func(t *testing.T) {
			tok, err := Load(filepath.Join("testdata", "peers", name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			again := reloaded(t, tok)
			for i, c := range golden.Cases {
				ids := tok.appendIDsSpecial(nil, c)
				if !slices.Equal(ids, want.IDs[i]) {
					t.Errorf("%q: ids %v, want %v", c, ids, want.IDs[i])
				}
				if got := tok.WithTemplate(ids); !slices.Equal(got, want.Template[i]) {
					t.Errorf("%q: with template %v, want %v", c, got, want.Template[i])
				}
				if got := tok.Decode(want.IDs[i]); got != want.Text[i] {
					t.Errorf("%v: decoded %q, want %q", want.IDs[i], got, want.Text[i])
				}
				if got := again.appendIDsSpecial(nil, c); !slices.Equal(got, ids) {
					t.Errorf("%q: saved and loaded again: ids %v, want %v", c, got, ids)
				}
			}
		})
	}
	if len(golden.Tokenizers) < 20 {
		t.Errorf("only %d tokenizers", len(golden.Tokenizers))
	}
}

func TestPeersTrain(t *testing.T) {
	var golden struct {
		Texts  map[string]string
		Merges []string
		Runs   []struct {
			Text, Pattern  string
			Unit           Unit
			MinFrequency   int `json:"min_frequency"`
			MaxTokenLength int `json:"max_token_length"`
			Merges         int
		}
	}
	readJSON(t, "train.json", &golden)
	for _, run := range golden.Runs {
		l := NewLearn()
		l.VocabSize, l.Special = 420, []string{EndOfText}
		l.Pattern, l.Unit, l.MinFrequency, l.MaxTokenLength = run.Pattern, run.Unit, run.MinFrequency, run.MaxTokenLength
		file := filepath.Join(t.TempDir(), "text.txt")
		if err := os.WriteFile(file, []byte(golden.Texts[run.Text]), 0o666); err != nil {
			t.Fatal(err)
		}
		tr, err := l.Files(t.Context(), Files{Paths: []string{file}})
		if err != nil {
			t.Fatal(err)
		}
		tok, err := tr.Tokenizer(0)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range mergesIn(t, tok) {
			got = append(got, m[0]+"+"+m[1])
		}
		if want := strings.Fields(golden.Merges[run.Merges]); !slices.Equal(got, want) {
			i := 0
			for i < min(len(got), len(want)) && got[i] == want[i] {
				i++
			}
			t.Errorf("%+v: %d merges, want %d; the first %d agree", run, len(got), len(want), i)
		}
	}
}

func readJSON(t *testing.T, name string, v any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "peers", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

func mergesIn(t *testing.T, tok *Tokenizer) jsonMerges {
	t.Helper()
	m, ok := tok.bpeParts()
	if !ok {
		t.Fatal("the model is not BPE")
	}
	return m.Merges
}

func reloaded(t *testing.T, tok *Tokenizer) *Tokenizer {
	t.Helper()
	data, err := tok.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return again
}
