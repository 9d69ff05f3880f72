package sugar

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sugarme/tokenizer"
)

// What sugarme makes of the files that Hugging Face tokenizers 0.23.3 wrote (see
// TestPeersEncode of the package above): in how many of 47 texts its ids or its
// decoded text are others, -1 where it does not load the file. Ours are the same
// in all. So nothing is taken from it: not WordPiece (bert), not Unigram, not one
// of its normalizers (normal, bert) or splits. If a number falls, a new version
// has repaired something.
var verdicts = map[string]struct{ ids, text int }{
	"added": {19, 16}, "bert": {18, 0}, "bert_cased": {4, 0}, "deepseek": {-1, -1}, "gpt2": {1, 0}, "ignore_merges": {-1, -1},
	"llama2": {29, 1}, "llama3": {-1, -1}, "metaspace_first": {20, 46}, "metaspace_never": {20, 0}, "normal": {18, 0},
	"prefix_space": {1, 0}, "prefixed": {-1, -1}, "split_contiguous": {14, 0}, "split_invert": {-1, -1}, "split_isolated": {6, 0},
	"split_merged_with_next": {5, 0}, "split_merged_with_previous": {8, 0}, "split_removed": {6, 0}, "suffix": {-1, -1},
	"unigram": {-1, -1}, "unigram_bytes": {-1, -1}, "wordlevel": {31, 0},
}

func TestVerdict(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "testdata", "peers", "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Cases      []string
		Tokenizers map[string]struct {
			IDs  [][]int32
			Text []string
		}
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	for name, verdict := range verdicts {
		want, ok := golden.Tokenizers[name]
		if !ok {
			t.Errorf("%s: there is no such file", name)
			continue
		}
		theirs, err := Load(filepath.Join("..", "testdata", "peers", name+".json"))
		if err != nil {
			if verdict.ids != -1 {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		ids, text := 0, 0
		for i, c := range golden.Cases {
			if got, err := encode(theirs, c); err != nil || !slices.Equal(got, want.IDs[i]) {
				ids++
			}
			if got, err := decode(theirs, want.IDs[i]); err != nil || got != want.Text[i] {
				text++
			}
		}
		if ids != verdict.ids || text != verdict.text {
			t.Errorf("%s: %d ids and %d texts are others, not %d and %d", name, ids, text, verdict.ids, verdict.text)
		}
	}
}

func decode(t *tokenizer.Tokenizer, ids []int32) (text string, err error) {
	defer guard(&err)
	wide := make([]int, len(ids))
	for i, id := range ids {
		wide[i] = int(id)
	}
	return t.Decode(wide, true), nil
}
