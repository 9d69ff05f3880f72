package corpus

import (
	"context"
	"fmt"
	"slices"

	"fragua/pipeline/records"
)

// readers names the source that reads a kind of file, where there is one.
var readers = map[records.Kind]string{
	records.KindText: "text", records.KindHTML: "html", records.KindPiece: "html", records.KindWARC: "warc", records.KindJSONL: "jsonl", records.KindParquet: "parquet",
	records.KindEPUB: "epub", records.KindTEI: "tei", records.KindDOCX: "docx", records.KindZip: "zip", records.KindWiki: "wiki",
	records.KindPDF: "pdf", records.KindArrow: "arrow",
}

// remedies say what to do about kinds that no source reads.
var remedies = map[records.Kind]string{
	records.KindJSON:   "make JSON Lines of it, an object a line (jq -c '.[]' old.json > new.jsonl), which the source jsonl reads",
	records.KindXML:    "take the text out of it first; of XML the sources read TEI and MediaWiki dumps",
	records.KindPacked: "name it by its compression: .gz, .zst, .bz2, .xz or .lz4",
	records.KindRTF:    "save it as plain text, DOCX or HTML",
}

// refuse returns why a file of a kind is not read by a source; nil if the kind is
// among those that it reads.
func refuse(f File, kind records.Kind, allowed []records.Kind) error {
	if slices.Contains(allowed, kind) {
		return nil
	}
	remedy := "no source reads that: leave it out"
	if s, ok := readers[kind]; ok {
		remedy = fmt.Sprintf("the source %s reads that: %s: {path: …}", s, s)
	} else if s, ok := remedies[kind]; ok {
		remedy = s
	}
	return &Failure{File: f.Name, Lost: &records.Lost{Rows: -1, Bytes: f.Size}, Err: fmt.Errorf("it is %s, not %s; %s", kind, allowed[0], remedy)}
}

// refuseFile looks at the beginning of a file.
func refuseFile(ctx context.Context, f File, allowed []records.Kind) error {
	kind, err := records.SniffFile(ctx, f)
	if err != nil {
		return err
	}
	return refuse(f, kind, allowed)
}
