package studio

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"fragua/pipeline"
	"fragua/pipeline/corpus"
	"fragua/pipeline/fault"
	"fragua/pipeline/inspect"
)

const (
	rowsPerPage = 50
	cellRunes   = 160       // of a value in a table
	sortMax     = 2_000_000 // rows whose keys are held in memory
)

// A rowsView is a page of rows.
type rowsView struct {
	Title, Run, Stage, Set, Where, Find, Sort string
	Down                                      bool
	Columns                                   []string
	Rows                                      []rowLine
	Page                                      int64
	More                                      bool
	Error                                     string
	Rules                                     []string
	query                                     url.Values
}

type rowLine struct {
	Number int64
	Cells  []string
}

// Link is the address of this page with one thing changed.
func (v rowsView) Link(key, value string) string {
	q := url.Values{}
	for k, vs := range v.query {
		q[k] = slices.Clone(vs)
	}
	q.Set(key, value)
	if key != "page" {
		q.Del("page")
	}
	if key == "sort" {
		q.Del("down")
		if v.Sort == value && !v.Down {
			q.Set("down", "1")
		}
	}
	return "/rows?" + q.Encode()
}

// Next is the address of the page after this one, Previous of that before.
func (v rowsView) Next() string     { return v.Link("page", fmt.Sprint(v.Page+1)) }
func (v rowsView) Previous() string { return v.Link("page", fmt.Sprint(v.Page-1)) }

// shards are the files of a stage that a request means: its rows or its rejects.
func shards(dir pipeline.Dir, set string) []string {
	if set == "rejects" {
		return dir.Files("rejects/*.parquet")
	}
	return dir.Files("*.parquet")
}

func (s *Studio) rows(w http.ResponseWriter, r *http.Request) error {
	run, dir, err := s.openStage(r)
	if err != nil {
		return err
	}
	v := rowsView{Run: run.Path, Stage: dir.Manifest.Stage, Set: r.FormValue("set"), Where: r.FormValue("where"), Find: r.FormValue("find"), Sort: r.FormValue("sort"),
		Down: r.FormValue("down") != "", Page: number(r, "page", 0, 0), query: r.URL.Query()}
	v.Title = strings.TrimSpace(v.Stage + " " + v.Set)
	files := shards(dir, v.Set)
	if len(files) == 0 {
		v.Error = "there are no such rows"
		return s.page(w, "rows.html", v)
	}
	if err := v.read(r.Context(), files); err != nil {
		if r.Context().Err() != nil {
			return err
		}
		v.Error = err.Error()
		if h := new(fault.Hint); errors.As(err, &h) {
			v.Error += " – " + h.Fix
		}
	}
	return s.page(w, "rows.html", v)
}

// condition joins the filter and the text search into one expression.
func (v *rowsView) condition(columns []inspect.Column) (string, error) {
	where := strings.TrimSpace(v.Where)
	if v.Find == "" {
		return where, nil
	}
	var parts []string
	quoted, err := json.Marshal(strings.ToLower(v.Find))
	if err != nil {
		return "", err
	}
	for _, c := range columns {
		if slices.Contains([]string{"text", "title", "input", "source", "target", "want", "got", "id", "path", "url", "rule", "error"}, c.Name) {
			parts = append(parts, fmt.Sprintf("lower(string(%s ?? \"\")) contains %s", c.Name, quoted))
		}
	}
	if len(parts) == 0 {
		return "", &fault.UsageError{Err: errors.New("these rows have no text to search in")}
	}
	find := "(" + strings.Join(parts, " or ") + ")"
	if where == "" {
		return find, nil
	}
	return "(" + where + ") and " + find, nil
}

func (v *rowsView) read(ctx context.Context, files []string) error {
	all, err := inspect.Select(files, inspect.Query{})
	if err != nil {
		return err
	}
	v.Columns = all.Shown()
	where, err := v.condition(all.Columns)
	if err != nil {
		return err
	}
	s, err := inspect.Select(files, inspect.Query{Where: where})
	if err != nil {
		return err
	}
	if v.Sort != "" {
		return v.sorted(ctx, s)
	}
	if where == "" { // the rows before the page need not be read
		s = s.From(v.Page * rowsPerPage)
	}
	skip := v.Page * rowsPerPage
	for row, err := range s.Rows(ctx) {
		if err != nil {
			return err
		}
		if where != "" && skip > 0 {
			skip--
			continue
		}
		if v.More = len(v.Rows) == rowsPerPage; v.More {
			return nil
		}
		v.add(row)
	}
	return nil
}

func (v *rowsView) add(row inspect.Row) {
	l := rowLine{Number: row.Number}
	for _, c := range v.Columns {
		l.Cells = append(l.Cells, clip(inspect.Text(row.Values[c])))
	}
	v.Rows = append(v.Rows, l)
}

// sorted reads the column by which rows are sorted, then the rows of the page.
func (v *rowsView) sorted(ctx context.Context, s *inspect.Selection) error {
	type key struct {
		number int64
		value  any
	}
	var keys []key
	for row, err := range s.Rows(ctx, v.Sort) {
		if err != nil {
			return err
		}
		if len(keys) == sortMax {
			return fault.Hintf(fmt.Errorf("more than %d rows cannot be sorted here", sortMax), "filter them first")
		}
		keys = append(keys, key{row.Number, row.Values[v.Sort]})
	}
	slices.SortStableFunc(keys, func(a, b key) int {
		order := inspect.Compare(a.value, b.value)
		if v.Down {
			order = -order
		}
		return cmp.Or(order, cmp.Compare(a.number, b.number))
	})
	from := min(int(v.Page)*rowsPerPage, len(keys))
	to := min(from+rowsPerPage, len(keys))
	v.More = to < len(keys)
	at := map[int64]inspect.Row{}
	for _, k := range keys[from:to] {
		at[k.number] = inspect.Row{}
	}
	left := len(at)
	for row, err := range s.Rows(ctx) {
		if err != nil {
			return err
		}
		if _, wanted := at[row.Number]; wanted {
			at[row.Number] = row
			if left--; left == 0 {
				break
			}
		}
	}
	for _, k := range keys[from:to] {
		v.add(at[k.number])
	}
	return nil
}

func clip(s string) string {
	s = strings.Join(strings.Fields(s[:min(len(s), 8*cellRunes)]), " ")
	s = strings.ToValidUTF8(s, "")
	if r := []rune(s); len(r) > cellRunes {
		return string(r[:cellRunes]) + "…"
	}
	return s
}

// row shows one row in full; of a document also what became of it.
func (s *Studio) row(w http.ResponseWriter, r *http.Request) error {
	run, dir, err := s.openStage(r)
	if err != nil {
		return err
	}
	set, at := r.FormValue("set"), number(r, "row", 0, 0)
	all, err := inspect.Select(shards(dir, set), inspect.Query{})
	if err != nil {
		return err
	}
	type field struct{ Name, Value string }
	var fields []field
	id := ""
	for row, err := range all.From(at).Rows(r.Context()) {
		if err != nil {
			return err
		}
		for _, c := range all.Shown() {
			fields = append(fields, field{c, inspect.Text(row.Values[c])})
		}
		id, _ = row.Values["id"].(string)
		break
	}
	if fields == nil {
		return fmt.Errorf("there is no row %d: %w", at, errNotFound)
	}
	data := map[string]any{"Title": fmt.Sprintf("row %d of %s", at, dir.Manifest.Stage), "Run": run.Path, "Stage": dir.Manifest.Stage, "Set": set, "Row": at, "Previous": at - 1, "Next": at + 1, "Fields": fields}
	if dir.Manifest.Kind == pipeline.Documents && id != "" {
		cfg, err := run.Config(s.Table)
		if err != nil {
			return err
		}
		story, err := corpus.Explain(r.Context(), run, cfg, id)
		if err != nil {
			data["ExplainError"] = err.Error()
		} else {
			data["Story"] = story
		}
	}
	return s.page(w, "row.html", data)
}
