package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"fragua/model/safetensors"
	"fragua/pipeline"
	"fragua/pipeline/shard"
)

type document struct {
	ID       string `parquet:"id"`
	Text     string `parquet:"text"`
	Language string `parquet:"language,dict"`
	Words    int64  `parquet:"words"`
}

// write makes one artifact of each kind and returns their paths by name.
func write(t testing.TB) map[string]string {
	t.Helper()
	dir := t.TempDir()
	paths := map[string]string{}
	put := func(name, text string) {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"docs/train-0.parquet", "blocks/train-00000.arrow", "model/model.safetensors", "model/config.json", "bpe/tokenizer.json", "docs/metrics.json"} {
		paths[filepath.Base(name)] = filepath.Join(dir, name)
	}
	paths["run"], paths["stage"], paths["model"] = dir, filepath.Join(dir, "docs"), filepath.Join(dir, "model")
	if _, err := shard.Write(paths["train-0.parquet"], func(yield func(document, error) bool) {
		for i := range 100 {
			language := "es"
			if i%4 == 0 {
				language = "en"
			}
			if !yield(document{fmt.Sprintf("id-%03d", i), strings.Repeat("El yunque.\n\x1b[31m", i), language, int64(2 * i)}, nil) {
				return
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	put("model/config.json", `{"model_type": "gpt2", "n_layer": 2, "tie": true, "x": [1]}`)
	var b bytes.Buffer
	if err := safetensors.Write(&b, []safetensors.Array{safetensors.Float32("wte.weight", []int{3, 2}, make([]float32, 6)), safetensors.Float32("b", []int{2}, make([]float32, 2))}, map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
	put("model/model.safetensors", b.String())
	put("bpe/tokenizer.json", `{"added_tokens": [{"id": 3, "content": "<|endoftext|>", "special": true}], "pre_tokenizer": {"type": "ByteLevel"},
		"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ĠniÃ±o": 2}, "merges": ["a b"]}}`)
	m, _ := json.Marshal(pipeline.Manifest{Stage: "docs", Use: "ingest", Kind: pipeline.Documents, Key: "feedfacecafe0123", Inputs: map[string][]string{"raw": {"k"}},
		Shards: []shard.File{{Name: "train-0.parquet", Rows: 100, Bytes: 5000, XXH3: "00ff"}}, Counts: pipeline.Counts{Read: 120, Kept: 100, Dropped: map[string]int64{"short": 20}, Sums: map[string]int64{"words": 9900}}})
	put("docs/manifest.json", string(m))
	if err := pipeline.WriteMetrics(paths["stage"], pipeline.Metrics{Figures: []pipeline.Figure{{Name: "speed of light", Value: 299792458}}, Curves: []pipeline.Curve{{Name: "train", Points: [][2]float64{{0, 8}, {1, 4.5}}}},
		Samples: []pipeline.Sample{{Title: "first", Text: "Clang."}}}); err != nil {
		t.Fatal(err)
	}
	put("run.json", `{"name": "quick", "workers": 2, "stages": [{"name": "docs", "use": "ingest", "seconds": 1.5}, {"name": "bpe", "use": "tokenizer", "error": "disk full"}]}`)
	writeArrow(t, paths["train-00000.arrow"])
	return paths
}

func writeArrow(t testing.TB, path string) {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "ids", Type: arrow.FixedSizeListOfNonNullable(4, arrow.PrimitiveTypes.Uint16)},
		{Name: "starts", Type: arrow.ListOfNonNullable(arrow.PrimitiveTypes.Int32)},
		{Name: "length", Type: arrow.PrimitiveTypes.Int32},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	ids, starts := b.Field(0).(*array.FixedSizeListBuilder), b.Field(1).(*array.ListBuilder)
	for i := range 3 {
		ids.Append(true)
		ids.ValueBuilder().(*array.Uint16Builder).AppendValues([]uint16{7, uint16(i), 500, 1}, nil)
		starts.Append(true)
		starts.ValueBuilder().(*array.Int32Builder).AppendValues([]int32{0, 2}[:i%2+1], nil)
		b.Field(2).(*array.Int32Builder).Append(int32(4 - i))
	}
	os.MkdirAll(filepath.Dir(path), 0o755)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := ipc.NewFileWriter(f, ipc.WithSchema(schema))
	if err != nil {
		t.Fatal(err)
	}
	rec := b.NewRecord()
	defer rec.Release()
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpen(t *testing.T) {
	paths := write(t)
	for name, want := range map[string][]string{
		"train-0.parquet":   {"Parquet shard", "rows        100", "ZSTD", "id-000  id-099", "characters of text", "El yunque.⏎␛[31m", "  es       75", "  en       25", "row 2"},
		"train-00000.arrow": {"blocks", "context            3", "rows               3", "ids that are text  9", "padding            25.00 %", "texts that begin   4", "greatest id        500", "starts  [0 2]", "[7 1 500 1]"},
		"model.safetensors": {"safetensors", "parameters     8", "wte.weight  F32   [3 2]", "format         pt"},
		"model":             {"model", "n_layer        2", "gpt2", "wte.weight"},
		"tokenizer.json":    {"tokenizer", "tokens of the model  3", "merges               1", "ByteLevel", "<|endoftext|>  true", `2  " niño"`},
		"stage":             {"stage", "documents", "feedfacecafe0123", "- short    20", "= kept    100", "9,900", "speed of light  299,792,458", "4.5", "Clang."},
		"run":               {"run", "quick", "docs  ingest     documents   120   100", "not finished disk full"},
		"metrics.json":      {"metrics", "speed of light"},
	} {
		a, err := Open(paths[name], Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var text, js bytes.Buffer
		a.Text(&text)
		for _, w := range want {
			if !strings.Contains(text.String(), w) {
				t.Errorf("%s lacks %q:\n%s", name, w, text.String())
			}
		}
		if strings.ContainsAny(text.String(), "\x1b\x00") {
			t.Errorf("%s steers the terminal", name)
		}
		if err := a.JSON(&js); err != nil || !json.Valid(js.Bytes()) {
			t.Errorf("%s: JSON: %v", name, err)
		}
	}
}

func TestRefused(t *testing.T) {
	paths := write(t)
	if _, err := Open(filepath.Join(paths["run"], "none"), Options{}); err == nil {
		t.Error("no such file: no error")
	}
	if _, err := Open(paths["config.json"], Options{}); err == nil || !strings.Contains(err.Error(), "nothing that fragua makes") {
		t.Errorf("another file: %v", err)
	}
	for _, name := range []string{"train-0.parquet", "train-00000.arrow", "model.safetensors", "tokenizer.json", "metrics.json"} {
		os.WriteFile(paths[name], []byte("{ or not"), 0o644)
		if _, err := Open(paths[name], Options{}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Any one byte changed gives an error or an artifact, never a panic.
func TestDamaged(t *testing.T) {
	paths := write(t)
	for _, name := range []string{"train-00000.arrow", "model.safetensors", "tokenizer.json", "train-0.parquet"} {
		whole, err := os.ReadFile(paths[name])
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(whole); i += 1 + len(whole)/400 {
			b := slices.Clone(whole)
			b[i] ^= 0x55
			os.WriteFile(paths[name], b, 0o644)
			if _, err := Open(paths[name], Options{}); err != nil && !strings.Contains(err.Error(), name) {
				t.Errorf("%s, byte %d: %v", name, i, err)
			}
		}
	}
}
