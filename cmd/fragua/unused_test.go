package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// forTests are the exported names that tests alone use, each with its reason.
var forTests = map[string]string{
	"model.MaskedLanguageModel":    "the tests hold the heads of BERT and ModernBERT to it",
	"finetune/linear.NBSVM":        "Wang and Manning's settings; the baselines are their logistic forms, which judge as well and give probabilities",
	"model/ngram.AddRest":          "counting over streams that go on; the stage counts whole texts",
	"pipeline.Verify":              "the engine checks task by task; tests check a whole stage",
	"pipeline/minhash.Probability": "what tests hold measured recall against",
}

// forInterfaces are packages whose methods implement another library's interfaces.
var forInterfaces = []string{"tokenize/sugar", "cmd/bench/goports"}

// forLibraries are methods that the standard library or a dependency calls by name.
var forLibraries = []string{"String", "Error", "Unwrap", "MarshalJSON", "UnmarshalJSON", "Len", "Less", "Swap", "Push", "Pop", "Seek", "Visit", "Transform", "IsExpired", "Retrieve", "RetrieveWithCredContext"}

var words = regexp.MustCompile(`\w+`)

// TestNothingIsForTestsAlone finds exported names that no file of the program
// mentions but where they are declared. It goes by names, so one that two packages
// declare counts as used where either is.
func TestNothingIsForTestsAlone(t *testing.T) {
	declared := map[string]string{} // package.Name → where
	mentions := map[string]int{}    // Name → how often, declarations left out
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(name), root+string(filepath.Separator)))
		if e.IsDir() {
			if e.Name() == "testdata" || e.Name() == "gen" || strings.HasPrefix(e.Name(), ".") && name != root {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, ".html") { // templates call methods
			b, err := os.ReadFile(name)
			for _, word := range words.FindAllString(string(b), -1) {
				mentions[word]++
			}
			return err
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(folder, "test") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		own := map[*ast.Ident]bool{}
		declare := func(id *ast.Ident) {
			own[id] = true
			if id.IsExported() {
				declared[folder+"."+id.Name] = name
			}
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				declare(d.Name)
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						declare(s.Name)
					case *ast.ValueSpec:
						for _, id := range s.Names {
							declare(id)
						}
					}
				}
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && !own[id] {
				mentions[id.Name]++
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, full := range slices.Sorted(maps.Keys(declared)) {
		name := full[strings.LastIndexByte(full, '.')+1:]
		if mentions[name] > 0 || slices.Contains(forInterfaces, full[:strings.LastIndexByte(full, '.')]) || slices.Contains(forLibraries, name) || forTests[full] != "" {
			continue
		}
		t.Errorf("%s: nothing but tests uses %s: delete it, or explain it in forTests", declared[full], full)
	}
	for full := range forTests {
		if declared[full] == "" {
			t.Errorf("forTests explains %s, which is gone", full)
		}
	}
}
