package tokenize

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSaveTiktoken(t *testing.T) {
	_, tok := trainOn(t, strings.Repeat(sample, 4), func(l *Learn) { l.Ties = TiesBytes; l.VocabSize = 500 })
	name := filepath.Join(t.TempDir(), "ours.tiktoken")
	if err := tok.Save(name); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	again, err := parseTiktoken(data, "gpt2")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := again.appendIDs(nil, sample), tok.appendIDs(nil, sample); !slices.Equal(got, want) || again.EndOfText() != tok.EndOfText() {
		t.Errorf("as ranks: %v, want %v; end of text %d, want %d", got, want, again.EndOfText(), tok.EndOfText())
	}
	if err := again.Save(name); err != nil {
		t.Fatal(err)
	}
	if twice, err := os.ReadFile(name); err != nil || string(twice) != string(data) {
		t.Errorf("saved again the file differs; %v", err)
	}
	bert, err := Load(filepath.Join("testdata", "peers", "bert.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := bert.Save(name); err == nil {
		t.Error("WordPiece as ranks: no error")
	}
}
