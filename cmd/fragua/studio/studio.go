package studio

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"fragua/model"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/tokenize"
)

// Options are what the studio shows and what it starts.
type Options struct {
	Runs    []string       // run directories; a folder of runs stands for all in it
	Table   pipeline.Table // of stages, to check recipes and explain documents
	Recipes fs.FS          // NAME.yaml
	Program []string       // the command that runs a configuration: Program… run FILE --out DIR --log json
	Token   string
	Verify  func(dir string) error // compares a model's files with their checksums
	Open    func(dir string) (model.LanguageModel, *tokenize.Tokenizer, error)
	// Generate writes a text and what a model adds to it, as it comes.
	Generate func(ctx context.Context, w io.Writer, m model.Generator, tok *tokenize.Tokenizer, text string, tokens int, s model.Sampler) error
	// Sample lays the sample for a recipe that works on it, and returns the folder
	// against which the recipe's paths resolve; "." for other recipes.
	Sample func(recipe, out string) (dir string, err error)
}

// A Studio serves its pages; see New.
type Studio struct {
	Options
	pages map[string]*template.Template
	jobs  jobs
	mu    sync.Mutex // one model computes at a time
	model openModel
}

//go:embed page static
var files embed.FS

// New returns the studio's handler.
func New(o Options) (http.Handler, error) {
	s := &Studio{Options: o, pages: map[string]*template.Template{}}
	names, err := fs.Glob(files, "page/*.html")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		base := filepath.Base(name)
		if base == "frame.html" {
			continue
		}
		t, err := template.New("frame.html").Funcs(functions).ParseFS(files, "page/frame.html", name)
		if err != nil {
			return nil, err
		}
		s.pages[base] = t
	}
	mux := http.NewServeMux()
	for pattern, show := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /{$}": s.home, "GET /run": s.run, "GET /report": s.report, "GET /stage": s.stage, "GET /rows": s.rows, "GET /row": s.row,
		"GET /blocks": s.blocks, "GET /compare": s.compare, "GET /play": s.play, "POST /play/generate": s.generate, "POST /play/answer": s.answer,
		"POST /play/neighbors": s.neighbors, "GET /play/map": s.wordMap, "GET /recipe": s.recipe, "POST /recipe/check": s.checkRecipe, "POST /recipe/start": s.startRecipe,
		"GET /job": s.job, "GET /job/state": s.jobState, "POST /job/stop": s.stopJob,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := show(w, r); err != nil {
				s.fail(w, r, err)
			}
		})
	}
	static, err := fs.Sub(files, "static")
	if err != nil {
		return nil, err
	}
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(static)))
	return guard(o.Token, mux), nil
}

// page writes a page whole, or an error instead of it.
func (s *Studio) page(w http.ResponseWriter, name string, data any) error {
	var b bytes.Buffer
	if err := s.pages[name].Execute(&b, data); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := b.WriteTo(w)
	return err
}

// fail shows an error with its remedy.
func (s *Studio) fail(w http.ResponseWriter, r *http.Request, err error) {
	code := http.StatusInternalServerError
	switch {
	case errors.As(err, new(*fault.UsageError)), errors.As(err, new(*fault.ConfigError)):
		code = http.StatusBadRequest
	case errors.Is(err, fs.ErrNotExist):
		code = http.StatusNotFound
	}
	data := map[string]any{"Title": "error", "Error": err.Error()}
	if h := new(fault.Hint); errors.As(err, &h) {
		data["Hint"] = h.Fix
	}
	if r.Header.Get("Accept") == "application/json" {
		http.Error(w, err.Error(), code)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	var b bytes.Buffer
	if err := s.pages["error.html"].Execute(&b, data); err != nil {
		fmt.Fprintln(w, template.HTMLEscapeString(err.Error()))
		return
	}
	b.WriteTo(w)
}

// runs lists the run directories, sorted.
func (s *Studio) runs() ([]string, error) {
	var out []string
	for _, dir := range s.Runs {
		if isRun(dir) {
			out = append(out, filepath.Clean(dir))
			continue
		}
		inside, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range inside {
			if d := filepath.Join(dir, e.Name()); e.IsDir() && isRun(d) {
				out = append(out, d)
			}
		}
	}
	for _, j := range s.jobs.list() {
		if isRun(j.Out) {
			out = append(out, filepath.Clean(j.Out))
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func isRun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, pipeline.InfoName))
	return err == nil
}

// open opens the run that a request names. Only runs that the studio shows can be
// named.
func (s *Studio) open(r *http.Request) (*pipeline.RunDir, error) {
	return s.openRun(r.FormValue("run"))
}

func (s *Studio) openRun(name string) (*pipeline.RunDir, error) {
	all, err := s.runs()
	if err != nil {
		return nil, err
	}
	if !slices.Contains(all, filepath.Clean(name)) {
		return nil, fault.Hintf(fmt.Errorf("there is no run %q here: %w", name, fs.ErrNotExist), "the first page lists the runs")
	}
	return pipeline.OpenRun(name)
}

// openStage opens a finished stage of a run.
func (s *Studio) openStage(r *http.Request) (*pipeline.RunDir, pipeline.Dir, error) {
	run, err := s.open(r)
	if err != nil {
		return nil, pipeline.Dir{}, err
	}
	dir, ok := run.Stage(r.FormValue("stage"))
	if !ok {
		return nil, pipeline.Dir{}, fmt.Errorf("run %s has no finished stage %q: %w", run.Info.Name, r.FormValue("stage"), fs.ErrNotExist)
	}
	return run, dir, nil
}

// number reads a form value; what is no number from least on is the default.
func number(r *http.Request, name string, least, otherwise int64) int64 {
	if n, err := strconv.ParseInt(strings.TrimSpace(r.FormValue(name)), 10, 64); err == nil && n >= least {
		return n
	}
	return otherwise
}
