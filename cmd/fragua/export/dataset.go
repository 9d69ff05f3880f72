package export

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
	"fragua/pipeline/store"
)

// parquets are the shards of a stage by split, without rejects; a file is one without a split.
func parquets(from string) (files map[string][]string, err error) {
	if strings.HasSuffix(from, ".parquet") {
		return map[string][]string{"train": {from}}, nil
	}
	m, err := pipeline.ReadManifest(from)
	if err != nil {
		return nil, fault.Hintf(err, "name the folder of a stage that made documents, examples or predictions, or a .parquet file")
	}
	files = map[string][]string{}
	for _, f := range (pipeline.Dir{Path: from, Manifest: m}).Files("*.parquet") {
		split, _, _ := strings.Cut(filepath.Base(f), "-")
		if !slices.Contains([]string{"validation", "test"}, split) {
			split = "train"
		}
		files[split] = append(files[split], f)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: the stage made %s, which is no table", from, m.Kind)
	}
	return files, nil
}

// splits are in the order in which they are written.
var splits = []string{"train", "validation", "test"}

// Dataset writes data/SPLIT-00000-of-0000N.parquet and a README.md whose head tells
// datasets.load_dataset which files are which split.
func Dataset(from, to string) error {
	files, err := parquets(from)
	if err != nil {
		return err
	}
	card := "---\nconfigs:\n- config_name: default\n  data_files:\n"
	for _, split := range splits {
		if len(files[split]) == 0 {
			continue
		}
		card += fmt.Sprintf("  - split: %s\n    path: data/%s-*\n", split, split)
		for i, f := range files[split] {
			if err := copyFile(f, filepath.Join(to, "data", fmt.Sprintf("%s-%05d-of-%05d.parquet", split, i, len(files[split])))); err != nil {
				return err
			}
		}
	}
	card += "---\n\n# Data set\n\nMade by fragua. `datasets.load_dataset(\"FOLDER\")` opens it.\n\n| split | rows | columns |\n| --- | --- | --- |\n"
	for _, split := range splits {
		rows, columns := int64(0), []string(nil)
		for _, f := range files[split] {
			p, err := shard.OpenParquet(f)
			if err != nil {
				return err
			}
			rows += p.NumRows()
			columns = columnsOf(p)
			p.Close()
		}
		if len(files[split]) > 0 {
			card += fmt.Sprintf("| %s | %d | %s |\n", split, rows, strings.Join(columns, ", "))
		}
	}
	return writeBytes(filepath.Join(to, "README.md"), []byte(card))
}

func columnsOf(p *shard.ParquetFile) (names []string) {
	for _, f := range p.Schema().Fields() {
		names = append(names, f.Name())
	}
	return names
}

// Rows writes all rows to one JSON Lines or CSV file, the splits one after another; in CSV lists
// and objects are JSON.
func Rows(from, to, format string) error {
	files, err := parquets(from)
	if err != nil {
		return err
	}
	return store.WriteFile(to, func(w io.Writer) error {
		b := bufio.NewWriterSize(w, 1<<16)
		var header []string
		out := csv.NewWriter(b)
		for _, split := range splits {
			for _, f := range files[split] {
				p, err := shard.OpenParquet(f)
				if err != nil {
					return err
				}
				columns := columnsOf(p)
				if header == nil {
					if header = columns; format == "csv" {
						out.Write(header)
					}
				} else if !slices.Equal(header, columns) {
					p.Close()
					return fmt.Errorf("%s has columns %q, other files %q", f, columns, header)
				}
				for row, err := range p.Records(0, len(p.RowGroups()), columns) {
					if err == nil && format == "csv" {
						err = out.Write(cells(row, columns))
					} else if err == nil {
						err = jsonLine(b, row, columns)
					}
					if err != nil {
						p.Close()
						return fmt.Errorf("%s: %w", f, err)
					}
				}
				if err := p.Close(); err != nil {
					return err
				}
			}
		}
		out.Flush()
		return errors.Join(out.Error(), b.Flush())
	})
}

// jsonLine writes a row with its columns in their order.
func jsonLine(w io.Writer, row map[string]any, columns []string) error {
	line := []byte{'{'}
	for i, name := range columns {
		if i > 0 {
			line = append(line, ", "...)
		}
		key, err1 := compact(name)
		value, err2 := compact(row[name])
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		line = append(append(append(line, key...), ": "...), value...)
	}
	_, err := w.Write(append(line, "}\n"...))
	return err
}

func compact(v any) ([]byte, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return []byte(strings.TrimSuffix(b.String(), "\n")), err
}

func cells(row map[string]any, columns []string) (out []string) {
	for _, name := range columns {
		switch v := row[name].(type) {
		case nil:
			out = append(out, "")
		case string:
			out = append(out, v)
		default:
			b, err := compact(v)
			if err != nil {
				b = []byte(fmt.Sprint(v))
			}
			out = append(out, string(b))
		}
	}
	return out
}
