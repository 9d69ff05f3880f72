package corpus

import (
	"cmp"
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"fragua/pipeline/records"
	"fragua/pipeline/settings"
	"fragua/pipeline/textstat"
)

// A Survey is what a folder holds.
type Survey struct {
	Found     []Found
	Unread    []string       // files that no source reads, by kind, the commonest first
	Languages map[string]int // of a sample of documents
}

// Found is the files of a folder that one source reads.
type Found struct {
	Source  string
	Pattern string // below the folder; "" for all files that the source reads
	Files   int
	Bytes   int64  // as they lie on disk
	Text    string // of tables: the column with the most text; "" where no column holds text
	Label   string // of tables: a column with few values, by which texts could be classified; or ""

	NoHeader bool // of CSV: the first line is a record like the others
}

const (
	surveyFiles   = 20     // of a source, in which records and languages are looked at
	surveyRecords = 50     // of a file
	bookSize      = 60_000 // bytes of plain text from which a file is more likely a book than a page
	fewLabels     = 20     // values of a column that could be labels
)

// Look surveys a folder: which source reads which of its files, and the languages of
// a sample. Files that cannot be read are left to the stage that reads them.
func Look(ctx context.Context, folder string) (Survey, error) {
	s := Survey{Languages: map[string]int{}}
	where := settings.Path{Written: folder, Abs: folder}
	files, others, err := records.List(where, func(name string) bool { return len(sourcesOf(name)) > 0 })
	if err != nil {
		return s, err
	}
	s.Unread = unreadKinds(others)
	of := map[string][]File{} // by source
	extensions := map[string]map[string]bool{}
	for extension, files := range byExtension(files) {
		votes := map[string]int{}
		for _, f := range spread(files, surveyFiles) {
			name, err := sourceFor(ctx, f)
			if err != nil {
				return s, err
			}
			votes[name]++
		}
		best := slices.MaxFunc(slices.Sorted(maps.Keys(votes)), func(a, b string) int { return votes[a] - votes[b] })
		of[best] = append(of[best], files...)
		if extensions[best] == nil {
			extensions[best] = map[string]bool{}
		}
		extensions[best][extension] = true
	}
	for _, entry := range sources { // in the order of the table
		files := of[entry.name]
		if len(files) == 0 {
			continue
		}
		slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
		found := Found{Source: entry.name, Files: len(files)}
		for _, f := range files {
			found.Bytes += f.Size
		}
		for other, es := range extensions {
			for e := range es {
				if other != entry.name && entry.new().raw().reads("x"+e) {
					found.Pattern = patternOf(files)
				}
			}
		}
		if err := s.sample(ctx, entry.new(), where, files, &found); err != nil {
			return s, err
		}
		s.Found = append(s.Found, found)
	}
	return s, nil
}

// sourceFor returns the source for a file by its extension and its beginning.
func sourceFor(ctx context.Context, f File) (string, error) {
	var names []string
	for _, s := range sourcesOf(f.Name) {
		names = append(names, s.raw().kind)
	}
	if len(names) == 1 {
		return names[0], nil
	}
	kind, err := records.SniffFile(ctx, f)
	if err != nil {
		return "", err
	}
	if kind == records.KindText && slices.Contains(names, "books") && f.Size >= bookSize {
		return "books", nil
	}
	if name := readers[kind]; slices.Contains(names, name) {
		return name, nil
	}
	return names[0], nil
}

// sample looks into some files: the column that holds text, and the languages.
func (s *Survey) sample(ctx context.Context, source Source, where settings.Path, files []File, found *Found) error {
	if rows, ok := source.(interface{ format() records.Format }); ok {
		columns, err := sampleColumns(ctx, rows.format(), files)
		if err != nil {
			return err
		}
		found.Text, found.Label = textColumn(columns)
		if table, ok := source.(*CSV); ok && len(strings.Fields(found.Text)) >= 3 { // a sentence is no name
			table.Header, found.NoHeader = false, true
			if columns, err = sampleColumns(ctx, table.format(), files); err != nil {
				return err
			}
			found.Text, found.Label = textColumn(columns)
		}
		for _, text := range columns[found.Text].texts() {
			s.count(text)
		}
		return nil
	}
	raw := source.raw()
	for _, f := range spread(files, surveyFiles) {
		raw.Path = settings.Path{Written: where.Written, Abs: f.Path}
		parts, err := source.Parts(ctx, 1<<20)
		if err != nil || len(parts) == 0 {
			continue // the stage tells of it
		}
		n := 0
		for d, err := range source.Read(ctx, parts[0]) {
			if n++; n > surveyRecords {
				break
			}
			if err == nil {
				s.count(d.Text)
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// count adds the language of a text.
func (s *Survey) count(text string) {
	text = strings.ToValidUTF8(text[:min(len(text), 4000)], "")
	if language, _ := textstat.Language(text); language != "" && language != "unknown" {
		s.Languages[language]++
	}
}

// A columnSample is what a sample of a column holds.
type columnSample struct {
	values map[string]int
	rows   int
	bytes  int
}

func (c *columnSample) texts() []string {
	if c == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(c.values))
}

// sampleColumns looks at the first records of some files.
func sampleColumns(ctx context.Context, format records.Format, files []File) (map[string]*columnSample, error) {
	columns := map[string]*columnSample{}
	for _, f := range spread(files, surveyFiles) {
		ranges, err := format.Divide(ctx, f, 1<<20)
		if err != nil || len(ranges) == 0 {
			continue // the stage tells of it
		}
		n := 0
		for r, err := range format.Read(ctx, f, ranges[0]) {
			if n++; err != nil || n > surveyRecords {
				break
			}
			for name, value := range r.Fields {
				text, ok := records.String(value)
				if !ok || text == "" {
					continue
				}
				c := columns[name]
				if c == nil {
					c = &columnSample{values: map[string]int{}}
					columns[name] = c
				}
				c.values[text]++
				c.rows++
				c.bytes += len(text)
			}
		}
	}
	return columns, ctx.Err()
}

// textColumn returns the column with the most text, if a value holds some words, and
// another that has few values.
func textColumn(columns map[string]*columnSample) (text, label string) {
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		c := columns[name]
		words := 0
		for v := range c.values {
			words += len(strings.Fields(v))
		}
		if words >= 3*len(c.values) && (text == "" || c.bytes > columns[text].bytes) {
			text = name
		}
	}
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		c := columns[name]
		if name != text && text != "" && len(c.values) >= 2 && len(c.values) <= fewLabels && c.rows >= 3*len(c.values) &&
			(label == "" || len(c.values) < len(columns[label].values)) {
			label = name
		}
	}
	return text, label
}

func byExtension(files []File) map[string][]File {
	m := map[string][]File{}
	for _, f := range files {
		e := records.Extension(f.Name)
		m[e] = append(m[e], f)
	}
	return m
}

// patternOf matches files by their extensions.
func patternOf(files []File) string {
	var all []string
	for _, f := range files {
		e := records.Extension(f.Name)
		e = f.Name[strings.LastIndex(strings.ToLower(f.Name), e):]
		all = append(all, strings.TrimPrefix(e, "."))
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) == 1 {
		return "**/*." + all[0]
	}
	return "**/*.{" + strings.Join(all, ",") + "}"
}

// spread takes at most n of a list, evenly.
func spread(files []File, n int) (some []File) {
	n = min(n, len(files))
	for i := range n {
		some = append(some, files[i*len(files)/n])
	}
	return some
}

// Commonest lists the languages of a sample that have at least a twentieth of it, the
// commonest first.
func (s *Survey) Commonest() (languages []string) {
	all := 0
	for _, n := range s.Languages {
		all += n
	}
	for l, n := range s.Languages {
		if 20*n >= all {
			languages = append(languages, l)
		}
	}
	slices.SortFunc(languages, func(a, b string) int {
		return cmp.Or(s.Languages[b]-s.Languages[a], strings.Compare(a, b))
	})
	return languages
}

// In is a found pattern below a folder.
func (f Found) In(folder string) string {
	if f.Pattern == "" {
		return folder
	}
	return path.Join(folder, f.Pattern)
}
