package export

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fragua/model"
)

// TestShards cuts a model into files, which are the same model.
func TestShards(t *testing.T) {
	from, to := "../../../model/testdata/families/llama-theta", t.TempDir()
	if err := folder(from, to, "float32", 4000); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(to, "model-*-of-*.safetensors"))
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	if b, err := os.ReadFile(filepath.Join(to, "model.safetensors.index.json")); err != nil || !strings.Contains(string(b), `"total_size"`) {
		t.Error(string(b), err)
	}
	a, err1 := model.Open(from)
	b, err2 := model.Open(to)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	for i, p := range a.Params() {
		if !slices.Equal(p.Data, b.Params()[i].Data) {
			t.Errorf("%s is another", p.Name)
		}
	}
}

// TestTooLargeForHalf: float16 ends at 65504, and infinity is no weight.
func TestTooLargeForHalf(t *testing.T) {
	m, err := model.Open("../../../model/testdata/llama")
	if err != nil {
		t.Fatal(err)
	}
	m.Params()[1].Data[0] = 1e6
	from := t.TempDir()
	if err := model.Save(from, m, model.Extra{End: -1}); err != nil {
		t.Fatal(err)
	}
	if err := Folder(from, t.TempDir(), "float16"); err == nil || !strings.Contains(err.Error(), "which float16 cannot; bfloat16 can") {
		t.Error(err)
	}
	if err := Folder(from, t.TempDir(), "bfloat16"); err != nil {
		t.Error(err)
	}
}
