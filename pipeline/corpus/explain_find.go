package corpus

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
)

// A Match is a document that a name means.
type Match struct{ ID, Path, Title string }

var documentID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Lookup returns the documents of a run, kept or dropped, that a name means: an id
// of fragua's; a URL; the path of a file, or its end; or the value of a column that
// the document brought along, such as an id of the user's own. It reads the shards
// of the stages that ingested.
func Lookup(ctx context.Context, run *pipeline.RunDir, c *pipeline.Config, name string) (found []Match, err error) {
	if documentID.MatchString(name) {
		return []Match{{ID: name}}, nil
	}
	for _, entry := range c.Stages {
		dir, finished := run.Stage(entry.Name)
		if _, ingests := entry.With.(*Ingest); !ingests || !finished {
			continue
		}
		for _, file := range dir.Files(append(DocumentShards, "rejects/*.parquet")...) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if found, err = lookupIn(file, name, found); err != nil {
				return nil, err
			}
		}
	}
	if len(found) == 0 {
		err := fmt.Errorf("%s: no document has the id, URL or path %s, nor a column with that value", run.Path, name)
		return nil, fault.Hintf(err, "`fragua inspect` shows the documents of a stage; what could not be read at all is in its rejects")
	}
	return found, nil
}

func lookupIn(file, name string, found []Match) ([]Match, error) {
	f, err := shard.OpenParquet(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for row, err := range f.Records(0, len(f.RowGroups()), []string{"id", "url", "path", "title", "metadata"}) {
		if err != nil {
			return nil, err
		}
		text := func(column string) string {
			s, _ := row[column].(string)
			return s
		}
		if text("url") == name || samePath(text("path"), name) || brings(text("metadata"), name) {
			found = append(found, Match{text("id"), text("path"), text("title")})
		}
	}
	return found, nil
}

// samePath says whether one path is the other, or its end: the run's paths are
// relative to the folder of their source.
func samePath(path, name string) bool {
	name = strings.TrimPrefix(strings.ReplaceAll(name, `\`, "/"), "./")
	return path != "" && (path == name || strings.HasSuffix(name, "/"+path) || strings.HasSuffix(path, "/"+name))
}

// brings says whether a document's metadata have a value.
func brings(metadata, value string) bool {
	if !strings.Contains(metadata, value) && !strings.ContainsAny(value, `"\<>&`) { // it need not be parsed
		return false
	}
	var fields map[string]any
	d := json.NewDecoder(strings.NewReader(metadata))
	d.UseNumber()
	if d.Decode(&fields) != nil {
		return false
	}
	for _, v := range fields {
		switch v := v.(type) {
		case string:
			if v == value {
				return true
			}
		case json.Number:
			if v.String() == value {
				return true
			}
		}
	}
	return false
}
