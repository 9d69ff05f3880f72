package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// lattice says who may import whom: a package of ours may import those on its line and
// nothing else of ours. It is a policy, not a description; do not edit it to make a
// build pass. Leaves (an empty line) know none of our nouns, so that they can be fuzzed
// and timed alone.
var lattice = map[string]string{
	"pipeline":          "pipeline/cluster pipeline/fault pipeline/store pipeline/shard pipeline/settings",
	"pipeline/cluster":  "pipeline/fault",
	"pipeline/settings": "pipeline/fault",
	"pipeline/store":    "pipeline/fault",
	"pipeline/shard":    "pipeline/store pipeline/fault",
	"pipeline/fault":    "",
	"pipeline/extract":  "pipeline/extract/boost pipeline/langid",
	"pipeline/pdf":      "",
	"pipeline/minhash":  "",
	"pipeline/textstat": "pipeline/langid",
	"pipeline/langid":   "",
	"pipeline/records":  "pipeline pipeline/extract pipeline/fault pipeline/store pipeline/shard pipeline/settings",
	"pipeline/corpus":   "pipeline pipeline/records pipeline/extract pipeline/pdf pipeline/textstat pipeline/minhash model/ngram pipeline/fault pipeline/store pipeline/shard pipeline/settings",
	"pipeline/inspect":  "model/gguf pipeline tokenize/blocks model/safetensors pipeline/fault pipeline/store pipeline/shard pipeline/settings",
	"pipeline/report":   "pipeline pipeline/fault pipeline/store pipeline/shard pipeline/settings",
	"tokenize":          "model/gguf pipeline pipeline/records pipeline/fault pipeline/store pipeline/shard pipeline/settings",
	"tokenize/sugar":    "tokenize",
	"tokenize/chat":     "tokenize model/gguf",
	"tokenize/blocks":   "tokenize pipeline pipeline/fault pipeline/store pipeline/shard pipeline/settings",
	"model/kernel":      "model/kernel/par model/kernel/gemm",
	"model/kernel/gemm": "model/kernel/par",
	"model/kernel/par":  "",
	"model/ngram":       "",
	"model/embed":       "model/kernel model/kernel/gemm model/kernel/par pipeline pipeline/fault pipeline/store pipeline/shard pipeline/settings",
	"model/safetensors": "",
	"model/gguf":        "model/safetensors",
	"model/hlo":         "",
	"model/dynlib":      "pipeline/fault",
	"model/xla":         "model/dynlib pipeline/fault",
	"model/mpi":         "model/dynlib model/kernel pipeline/fault",
	"model/tensor":      "model/hlo model/kernel model/kernel/gemm model/kernel/par",
	"model/nn":          "model/tensor model/kernel model/kernel/par",
	"model":             "model/gguf model/nn model/tensor model/kernel model/kernel/gemm model/kernel/par model/ngram model/safetensors pipeline/fault",
	"model/train":       "model model/nn model/tensor model/kernel model/kernel/gemm model/kernel/par model/ngram model/safetensors tokenize tokenize/blocks pipeline pipeline/fault pipeline/store pipeline/shard pipeline/settings model/mpi model/hlo model/xla",
	"finetune":          "finetune/align finetune/document finetune/examples finetune/linear finetune/metric model/train model model/nn model/tensor model/kernel model/safetensors tokenize tokenize/blocks pipeline pipeline/corpus pipeline/fault pipeline/store pipeline/shard pipeline/settings tokenize/chat",
	"finetune/examples": "finetune/align finetune/document tokenize pipeline pipeline/fault pipeline/records pipeline/corpus pipeline/extract pipeline/textstat pipeline/store pipeline/shard pipeline/settings tokenize/chat",
	"finetune/align":    "",
	"finetune/linear":   "",
	"finetune/metric":   "",
	"finetune/document": "pipeline/fault",
	"configs":           "",

	"model/kernel/kerneltest": "model/kernel/par", // imported by tests alone
	"pipeline/extract/boost":  "",
	"pipeline/store/s3test":   "", // imported by tests alone
}

func TestLattice(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "fragua/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(pkg.ImportPath, "fragua/")
		if strings.HasPrefix(name, "cmd/") {
			continue // cmd may import everything
		}
		line, ok := lattice[name]
		if !ok {
			t.Errorf("%s has no line in the lattice", name)
		}
		for _, imp := range pkg.Imports {
			if ours, is := strings.CutPrefix(imp, "fragua/"); is && !slices.Contains(strings.Fields(line), ours) {
				t.Errorf("%s must not import %s", name, ours)
			}
			if strings.Contains(imp, "parquet/pqarrow") {
				t.Errorf("%s imports pqarrow, which drags in compute kernels, thrift and grpc", name)
			}
		}
	}
}

// TestStatic: the default build needs no dynamic linker.
func TestStatic(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "fragua/cmd/fragua").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	if strings.Contains(string(out), "purego\n") {
		t.Error("the default build imports purego")
	}
}
