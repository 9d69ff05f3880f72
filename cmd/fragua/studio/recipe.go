package studio

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"fragua/pipeline"
	"fragua/pipeline/fault"
)

const recipeMax = 1 << 20 // bytes of a configuration

func (s *Studio) recipeNames() (names []string) {
	files, err := fs.Glob(s.Recipes, "*.yaml")
	if err != nil {
		panic(err) // the pattern is constant
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f, ".yaml"))
	}
	return names
}

// recipe is the editor of a configuration: an embedded recipe or that of a run.
func (s *Studio) recipe(w http.ResponseWriter, r *http.Request) error {
	name, src := r.FormValue("name"), []byte(nil)
	var err error
	if r.FormValue("run") != "" {
		run, err := s.open(r)
		if err != nil {
			return err
		}
		name = run.Info.Name
		if src, err = os.ReadFile(filepath.Join(run.Path, pipeline.ResolvedName)); err != nil {
			return err
		}
	} else if src, err = fs.ReadFile(s.Recipes, name+".yaml"); err != nil {
		return fault.Hintf(fmt.Errorf("there is no recipe %q: %w", name, fs.ErrNotExist), "the first page lists them")
	}
	return s.page(w, "recipe.html", map[string]any{"Title": name, "Name": name, "Source": string(src), "Recipe": r.FormValue("name"), "Run": r.FormValue("run")})
}

// A recipeFault is a fault of a configuration with its place.
type recipeFault struct {
	Line    int    `json:"line"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// check parses a configuration as the program does. Its paths resolve against dir.
func (s *Studio) check(name, src, dir string) []recipeFault {
	_, err := pipeline.Parse(name+".yaml", []byte(src), dir, s.Table, nil)
	var config *fault.ConfigError
	switch {
	case err == nil:
		return []recipeFault{}
	case !errors.As(err, &config):
		return []recipeFault{{Message: err.Error()}}
	}
	var out []recipeFault
	for _, f := range config.Faults {
		out = append(out, recipeFault{f.Line, f.Err, f.Hint})
	}
	return out
}

func (s *Studio) checkRecipe(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, 2*recipeMax)
	return writeJSON(w, s.check("recipe", r.FormValue("source"), "."))
}

// folder is where a configuration's relative paths resolve: that of the run or of
// the recipe from which the editor took it. The file is written there.
func (s *Studio) folder(r *http.Request, out string) (string, error) {
	if r.FormValue("run") == "" {
		return s.Sample(r.FormValue("recipe"), out)
	}
	run, err := s.open(r)
	if err != nil {
		return "", err
	}
	return run.Info.Dir, nil
}

// startRecipe runs a configuration in a process of its own, which goes on if the
// studio ends.
func (s *Studio) startRecipe(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, 2*recipeMax)
	name, src := strings.TrimSpace(r.FormValue("name")), r.FormValue("source")
	if name == "" || name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		return &fault.UsageError{Err: fmt.Errorf("%q cannot name a run: letters, digits, - and _ are wanted", name)}
	}
	out := filepath.Join("runs", name)
	dir, err := s.folder(r, out)
	if err != nil {
		return err
	}
	if faults := s.check(name, src, dir); len(faults) > 0 {
		return fault.Hintf(&fault.UsageError{Err: fmt.Errorf("line %d: %s", faults[0].Line, faults[0].Message)}, "correct it first; Check shows all faults")
	}
	config := filepath.Join(dir, name+".yaml")
	switch old, err := os.ReadFile(config); {
	case err == nil && string(old) != src:
		return fault.Hintf(&fault.UsageError{Err: fmt.Errorf("%s is there already and says something else", config)}, "give the run another name")
	case errors.Is(err, fs.ErrNotExist):
		if err := os.WriteFile(config, []byte(src), 0o644); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	j, err := s.jobs.start(append(append([]string{}, s.Program...), "run", config, "--out", out, "--log", "json"), name, out)
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/job?id="+fmt.Sprint(j.ID), http.StatusSeeOther)
	return nil
}
