package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"fragua/pipeline/settings"
	"fragua/pipeline/store"
)

// pathNode returns the folder that an item of `from` names, as {path: FOLDER} or as a text with a
// slash; "" if it names a stage.
func pathNode(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[0].Value == "path" && n.Content[1].Kind == yaml.ScalarNode:
		return n.Content[1].Value
	case n.Kind == yaml.ScalarNode && strings.ContainsAny(n.Value, `/\`):
		return n.Value
	}
	return ""
}

// folder returns what a folder outside of the run holds: what its manifest says, or, in one that no
// stage of ours made, a model or a tokenizer, by its files and by what the inputs take.
func (c *Config) folder(n *yaml.Node, name, path string, inputs []Input) (Kind, bool) {
	d := c.d
	dir := settings.NewPath(c.Dir, name).Abs
	m, err := ReadManifest(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if dir, err = store.FetchFolder(context.Background(), dir); err != nil {
			return "", d.Fault(n, path, "", "%v", err)
		}
		kind := foreignKind(dir, inputs)
		if kind == "" {
			return "", d.Fault(n, path, "name a folder that holds a "+ManifestName+", or a model's with config.json, or a tokenizer's with tokenizer.json",
				"no finished stage, model or tokenizer lies in %s", dir)
		}
		m = &Manifest{Stage: filepath.Base(dir), Use: "import", Kind: kind}
	case err != nil:
		return "", d.Fault(n, path, "name a folder that a stage has finished, or run that stage again", "%v", err)
	}
	c.outside[name] = Dir{Path: dir, Manifest: m}
	return m.Kind, true
}

// foreign reports whether no stage of ours made the folder.
func (d Dir) foreign() bool { return d.Manifest != nil && d.Manifest.Key == "" }

// foreignKind is the kind of the first input that a folder of others can serve.
func foreignKind(dir string, inputs []Input) Kind {
	for _, in := range inputs {
		file := map[Kind]string{Model: "config.json", Tokenizer: "tokenizer.json"}[in.Kind]
		if file == "" {
			continue
		}
		if info, err := os.Stat(filepath.Join(dir, file)); err == nil && info.Mode().IsRegular() {
			return in.Kind
		}
	}
	return ""
}

// foreignFiles are the endings of the files that a model or tokenizer of others consists of.
var foreignFiles = []string{".json", ".safetensors", ".jinja", ".txt", ".model"}

// foreignKey is the key of a folder that no stage of ours made: the hash of its files, those of a
// tokenizer alone where it serves as one.
func (r *run) foreignKey(ctx context.Context, dir Dir) (string, error) {
	var files []RawFile
	err := filepath.WalkDir(dir.Path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == dir.Path {
			return err
		}
		rel, err := filepath.Rel(dir.Path, name)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if strings.HasPrefix(rel, ".") || strings.ContainsRune(rel, filepath.Separator) {
				return fs.SkipDir // modules.json names folders directly below
			}
			return nil
		}
		weights := strings.HasSuffix(rel, ".safetensors") || strings.HasSuffix(rel, ".safetensors.index.json")
		if slices.Contains(foreignFiles, filepath.Ext(rel)) && !(weights && dir.Manifest.Kind == Tokenizer) {
			files = append(files, RawFile{Name: filepath.ToSlash(rel), Path: name})
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	sums, err := r.rawSums(ctx, files)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(sums)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), err
}
