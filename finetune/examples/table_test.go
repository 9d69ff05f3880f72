package examples

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"golang.org/x/text/encoding/charmap"

	"fragua/pipeline/settings"
)

// The same rows come out of every format and packing.
func TestFormats(t *testing.T) {
	type row struct {
		Texto string   `parquet:"texto"`
		Clase int64    `parquet:"clase"`
		Tags  []string `parquet:"tags,list"`
	}
	rows := []row{{"El \"niño\" rió, y ya.", 1, []string{"a", "b"}}, {"¡Qué año!", 0, []string{"b"}}, {"Así\tno.", 1, []string{"a"}}}
	var csv, tsv, jsonl, pq bytes.Buffer
	csv.WriteString("\ufefftexto;clase;tags\r\n")
	tsv.WriteString("clase\ttexto\ttags\n")
	w := parquet.NewGenericWriter[row](&pq)
	for _, r := range rows {
		fmt.Fprintf(&csv, "\"%s\";%d;%s\r\n", strings.ReplaceAll(r.Texto, `"`, `""`), r.Clase, strings.Join(r.Tags, "|"))
		fmt.Fprintf(&tsv, "%d\t%s\t%s\n", r.Clase, strings.ReplaceAll(r.Texto, "\t", " "), strings.Join(r.Tags, "|"))
		b, _ := json.Marshal(map[string]any{"texto": r.Texto, "clase": r.Clase, "tags": r.Tags, "m": map[string]any{"texto": r.Texto}})
		jsonl.Write(append(b, '\n'))
		w.Write([]row{r})
	}
	w.Close()
	zipped := new(bytes.Buffer)
	z := gzip.NewWriter(zipped)
	z.Write(jsonl.Bytes())
	z.Close()
	zs, _ := zstd.NewWriter(nil)
	latin, _ := charmap.Windows1252.NewEncoder().Bytes(tsv.Bytes())
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"a.csv": csv.Bytes(), "a.tsv": tsv.Bytes(), "latin.tsv": latin, "a.jsonl": jsonl.Bytes(), "a.jsonl.gz": zipped.Bytes(),
		"a.tsv.zst": zs.EncodeAll(tsv.Bytes(), nil), "a.parquet": pq.Bytes(),
	} {
		p := file(t, dir, name, content)
		for _, label := range []string{"clase", "tags"} {
			cols := columns{text: "texto", label: label}
			if label == "tags" && format(name) != "parquet" && format(name) != "jsonl" {
				cols.separator = "|"
			}
			if format(name) == "jsonl" {
				cols.text = "m.texto"
			}
			n := 0
			for rec, err := range readTable(p.Abs, cols) {
				if err != nil || rec.err != nil {
					t.Fatalf("%s: %v %v", name, err, rec.err)
				}
				text := rows[n].Texto
				if format(name) == "tsv" {
					text = strings.ReplaceAll(text, "\t", " ")
				}
				want := []string{fmt.Sprint(rows[n].Clase)}
				if label == "tags" {
					want = rows[n].Tags
				}
				if rec.text != text || !slices.Equal(rec.labels, want) || rec.row != int64(n) {
					t.Errorf("%s: row %d is %q %q (row %d), want %q %q", name, n, rec.text, rec.labels, rec.row, text, want)
				}
				n++
			}
			if n != len(rows) {
				t.Errorf("%s: %d rows", name, n)
			}
		}
	}
}

func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		content string
		cols    columns
		want    string
	}{
		"a.csv":     {"uno,dos\n1,2\n", columns{text: "uno", label: "tres"}, `no column "tres"`},
		"a.xls":     {"", columns{text: "1"}, `"xls" is no kind of table`},
		"b.parquet": {"PAR1 and nothing", columns{text: "a"}, "not a whole Parquet file"},
		"c.tsv.gz":  {"not packed", columns{text: "1"}, "damaged: it is not compressed as its name says"},
		"e.csv":     {strings.Repeat("\x00long", 1<<20), columns{text: "a"}, `no column "a"`},
		"d.csv":     {"a,b\n\"never closed,1\n" + strings.Repeat("x,y\n", 2*maxQuotedLines), columns{text: "a"}, "quote"},
	} {
		p := file(t, dir, name, []byte(c.content))
		var last error
		for rec, err := range readTable(p.Abs, c.cols) {
			last = err
			_ = rec
		}
		if last == nil || !strings.Contains(last.Error(), c.want) || !strings.Contains(last.Error(), name) {
			t.Errorf("%s: error %v, want %q", name, last, c.want)
		}
	}
}

// TestBadRows: a row that cannot be read is an error of its own, and the next is read.
func TestBadRows(t *testing.T) {
	var got []string
	p := file(t, t.TempDir(), "x.jsonl", []byte("{\"text\": \"a\"\n{\"text\": \"b\"} {\"text\": \"c\"}\n[1]\n{\"other\": 1}\n{\"text\": \"d\"}\n"))
	for rec, err := range readTable(p.Abs, columns{text: "text"}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(rec.row, " ", rec.text, rec.err))
	}
	want := []string{"0 not a JSON object: unexpected EOF", "1 more than one JSON value on the line, at byte 13 of it",
		"2 not a JSON object but another value", `3 no field "text"`, "4 d<nil>"}
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Files by class, folders by class, files side by side, and encodings.
func TestLayouts(t *testing.T) {
	dir := t.TempDir()
	latin := func(s string) []byte {
		b, err := charmap.Windows1252.NewEncoder().Bytes([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	file(t, dir, "polo.pos", latin("Qué corazón.\nBien así, señor.\n"))
	file(t, dir, "polo.neg", []byte("Peor, imposible.\r\nNada más.\r\n"))
	l := NewLabel()
	l.Split = SplitBy{}
	l.Data = []Data{{name: "classes", rows: &Classes{Files: map[string]settings.Path{
		"pos": {Written: "polo.pos", Abs: filepath.Join(dir, "polo.pos")}, "neg": {Written: "polo.neg", Abs: filepath.Join(dir, "polo.neg")}}}}}
	examples, _, _, _ := runLabel(t, l)
	var got []string
	for _, e := range examples[Train] {
		got = append(got, e.Labels[0]+" "+e.Text)
	}
	if want := []string{"neg Peor, imposible.", "neg Nada más.", "pos Qué corazón.", "pos Bien así, señor."}; !slices.Equal(got, want) {
		t.Errorf("classes: %q", got)
	}

	file(t, dir, "films/README", []byte("no example"))
	file(t, dir, "films/bueno/a.txt", []byte("Una línea.\nOtra.\n"))
	file(t, dir, "films/malo/b.txt", latin("Adiós.\n"))
	l.Data = []Data{{name: "folders", rows: &Folders{Path: settings.Path{Written: "films", Abs: filepath.Join(dir, "films")}}}}
	examples, _, _, _ = runLabel(t, l)
	if e := examples[Train]; len(e) != 2 || e[0].Labels[0] != "bueno" || e[0].Text != "Una línea.\nOtra." || e[1].Text != "Adiós." {
		t.Errorf("folders: %+v", e)
	}

	en := file(t, dir, "c.en", []byte("The sea.\nThe sea\nA house.\n"))
	es := file(t, dir, "c.es", []byte("El mar.\nLa mar.\nUna casa.\n"))
	l.Data = []Data{{name: "lines", rows: &Lines{Source: en, Target: es}}}
	examples, _, _, _ = runLabel(t, l)
	if e := examples[Train]; len(e) != 3 || e[1].Text != "The sea" || e[1].Target != "La mar." || len(e[1].Labels) != 0 {
		t.Errorf("lines: %+v", e)
	}
	file(t, dir, "c.es", []byte("El mar.\n"))
	for _, err := range (&Lines{Source: en, Target: es}).read(dataFile{path: en.Abs, other: es.Abs}, columns{}) {
		if err != nil && !strings.Contains(err.Error(), "same number of lines") {
			t.Error(err)
		}
	}
}

// A row of bad bytes in a file of UTF-8 fails alone; a file of Latin-1 does not.
func TestSniff(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"ascii":  {"hola", "utf-8"},
		"utf-8":  {"señor, año\n\xff\n", "utf-8"},
		"latin":  {"se\xf1or, a\xf1o", "windows-1252"},
		"marked": {"\xef\xbb\xbfse\xf1or", "utf-8"},
		"utf-16": {"\xff\xfeh\x00", "utf-16"},
		"cut":    {strings.Repeat("x", 1<<16-1) + "ñ", "utf-8"},
		"empty":  {"", "utf-8"},
	} {
		if got, err := sniff(strings.NewReader(c.in)); got != c.want || err != nil {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	l := NewLabel()
	l.Split = SplitBy{}
	l.Source, l.Target = "1", "2"
	l.Data = table(file(t, t.TempDir(), "x.tsv", []byte("año\tyear\nni\xffo\tchild\nma\xc3\xb1ana\ttomorrow\n")))
	examples, rejects, counts, _ := runLabel(t, l)
	if len(examples[Train]) != 2 || counts.Failed != 1 || !strings.Contains(rejects[0].Error, "byte 0xFF at 2") {
		t.Errorf("%+v %+v", counts, rejects)
	}
}

func FuzzReadTable(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n\"x"), 0)
	f.Add([]byte("a\tb\nñ\t\xff\n"), 1)
	f.Add([]byte(`{"a":"x","b":[1,"y"]}`+"\n{"), 2)
	f.Add([]byte("\xff\xfea\x00,\x00b\x00\n\x00"), 0)
	f.Fuzz(func(t *testing.T, content []byte, kind int) {
		read := [](func(io.Reader, columns, func(record) bool) error){commas, tabs, jsonLines}[uint(kind)%3]
		for _, cols := range []columns{{text: "a", label: "b", separator: "|"}, {text: "1", target: "2"}} {
			n := int64(0)
			read(bytes.NewReader(content), cols, func(r record) bool {
				if r.row != n {
					t.Errorf("row %d is numbered %d", n, r.row)
				}
				n++
				return true
			})
		}
		sniff(bytes.NewReader(content))
	})
}

func FuzzReadParquet(f *testing.F) {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[Example](&b)
	w.Write([]Example{{ID: "1", Text: "hola", Labels: []string{"a", "b"}, Split: Train}, {ID: "2", Text: "adiós", Labels: nil, Split: Test}})
	w.Close()
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:b.Len()/2])
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		name := filepath.Join(dir, "x.parquet")
		if err := os.WriteFile(name, content, 0o666); err != nil {
			t.Fatal(err)
		}
		for _, err := range readParquet(name, columns{text: "text", label: "labels"}) {
			if err != nil {
				return
			}
		}
	})
}
