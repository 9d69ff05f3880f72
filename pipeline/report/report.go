package report

import (
	_ "embed"
	"html/template"
	"io"

	"fragua/pipeline"
	"fragua/pipeline/store"
)

// FileName is what the report is called in the run's directory.
const FileName = "report.html"

var (
	//go:embed page.html
	pageHTML string
	//go:embed style.css
	styleCSS string
)

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"n": number, "i": Grouped, "bytes": ByteSize, "took": took, "value": Value, "beside": beside, "heat": heat, "shade": shade, "percent": percent,
	"style": Style,
}).Parse(pageHTML))

// Create writes report.html into a run's directory and returns its path.
func Create(runDir string) (string, error) {
	run, err := pipeline.OpenRun(runDir)
	if err != nil {
		return "", err
	}
	name := store.Join(runDir, FileName)
	return name, store.WriteFile(name, func(w io.Writer) error { return Write(w, run) })
}

// Write writes the report of a run. Stages that are not finished are named as
// such.
func Write(w io.Writer, run *pipeline.RunDir) error {
	v, err := newView(run)
	if err != nil {
		return err
	}
	return page.Execute(w, v)
}

// Charts draws curves, those with one Y together, as the report does.
func Charts(curves []pipeline.Curve) []template.HTML { return charts(curves) }

// Style is the report's style sheet.
func Style() template.CSS { return template.CSS(styleCSS) }
