package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"fragua/configs"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// onSample names the recipes that work on the sample, which is then laid beside the run.
var onSample = []string{"quickstart"}

// A recipe is a configuration before it is parsed.
type recipe struct {
	name  string // file name, as messages show it
	src   []byte
	dir   string   // what its relative paths resolve against
	notes []string // what the user should know before the run
}

// openRecipe finds a configuration: a file, or the name of an embedded recipe. out is
// where the run will lie; recipes on the sample get it laid into out/input.
func openRecipe(arg, out string) (*recipe, error) {
	src, err := os.ReadFile(arg)
	switch {
	case err == nil:
		return &recipe{name: arg, src: src, dir: filepath.Dir(arg)}, nil
	case !errors.Is(err, fs.ErrNotExist) && !isDir(arg):
		return nil, err
	}
	if strings.ContainsRune(arg, filepath.Separator) && isDir(arg) {
		return nil, fault.Hintf(usage("%s is a folder, and a configuration is a file", arg), "give the YAML file in it; `fragua inspect %s` tells what it is", arg)
	}
	name := strings.TrimSuffix(arg, ".yaml")
	src, err = fs.ReadFile(configs.Recipes(), name+".yaml")
	if err != nil {
		near := fault.Nearest(name, recipeNames())
		err := usage("%s is neither a file nor a recipe", arg)
		if near != "" {
			return nil, fault.Hintf(err, "did you mean %q? Recipes: %s", near, strings.Join(recipeNames(), ", "))
		}
		return nil, fault.Hintf(err, "recipes: %s; `fragua config show NAME` prints one", strings.Join(recipeNames(), ", "))
	}
	r := &recipe{name: name + ".yaml", src: src, dir: "."}
	if slices.Contains(onSample, name) {
		r.dir = filepath.Join(out, "input")
		if store.IsRemote(out) {
			if r.dir, err = store.CacheDir("input", store.CacheName(out)); err != nil {
				return nil, err
			}
		}
		if r.notes, err = layInput(r.dir); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *recipe) parse(sets []string) (*pipeline.Config, error) {
	return pipeline.Parse(r.name, r.src, r.dir, stages, sets)
}

// runDir is where a configuration's run lies unless --out says otherwise.
func runDir(arg, out string) string {
	if out != "" {
		return out
	}
	return filepath.Join("runs", strings.TrimSuffix(filepath.Base(arg), filepath.Ext(arg)))
}

func recipeNames() []string {
	files, err := fs.Glob(configs.Recipes(), "*.yaml")
	if err != nil {
		panic(err) // the pattern is constant
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(f, ".yaml")
	}
	return files
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// layInput lays the sample into dir/sample and, where Go is installed, Newton's Opticks
// and the language's own HTML documents into dir/go. Files that are there and equal stay
// untouched, so that nothing is read twice.
func layInput(dir string) (notes []string, err error) {
	err = fs.WalkDir(configs.Sample(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(configs.Sample(), name)
		if err != nil {
			return err
		}
		return writeOnce(filepath.Join(dir, "sample", filepath.FromSlash(name)), b)
	})
	if err != nil {
		return nil, err
	}
	root := goRoot()
	var missing []string
	found := 0
	for _, pattern := range []string{"src/testdata/Isaac.Newton-Opticks.txt", "doc/*.html"} {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			return nil, err
		}
		if root == "" || len(files) == 0 {
			missing = append(missing, pattern)
			continue
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				return nil, err
			}
			if err := writeOnce(filepath.Join(dir, "go", filepath.Base(f)), b); err != nil {
				return nil, err
			}
			found++
		}
	}
	if len(missing) > 0 {
		where := root
		if root == "" {
			where = "this machine (`go env GOROOT` gives nothing)"
		}
		return []string{fmt.Sprintf("%s lacks %s: going on with the sample and %s from Go; the figures will be lower", where, strings.Join(missing, " and "), plural(found, "file"))}, nil
	}
	return nil, nil
}

// writeOnce writes a file unless it is there with the same content.
func writeOnce(name string, content []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, content) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, content, 0o644)
}

// goRoot is where Go lies, or "".
func goRoot() string {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return os.Getenv("GOROOT")
	}
	return strings.TrimSpace(string(out))
}
