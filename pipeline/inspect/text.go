package inspect

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"fragua/pipeline/fault"
)

// Text writes the artifact for people.
func (a *Artifact) Text(w io.Writer) error {
	var b strings.Builder
	if a.Path != "" {
		fmt.Fprintf(&b, "%s: ", show(a.Path, 200))
	}
	fmt.Fprintf(&b, "%s\n\n", show(a.Is, 200))
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range a.Facts {
		fmt.Fprintf(tw, "  %s\t%s\n", show(f.Name, 60), show(f.Value, 200))
	}
	tw.Flush()
	for _, t := range a.Tables {
		fmt.Fprintf(&b, "\n%s\n", show(t.Title, 200))
		writeTable(&b, t)
	}
	for _, s := range a.Samples {
		fmt.Fprintf(&b, "\n%s\n", show(s.Title, 200))
		tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, f := range s.Fields {
			fmt.Fprintf(tw, "  %s\t%s\n", show(f.Name, 60), show(f.Value, 160))
		}
		tw.Flush()
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeTable sets numbers to the right.
func writeTable(b *strings.Builder, t Table) {
	names := make([]string, len(t.Columns))
	width := make([]int, len(t.Columns))
	right := make([]bool, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = show(c, 60)
		width[i] = utf8.RuneCountInString(names[i])
	}
	cells := make([][]string, len(t.Rows))
	for r, row := range t.Rows {
		for i, v := range row {
			s := show(v, 60)
			if x, isNumber := v.(float64); isNumber && strings.HasPrefix(t.Columns[i], "share") {
				s = strconv.FormatFloat(100*x, 'f', 1, 64) + " %"
			}
			cells[r] = append(cells[r], s)
			width[i] = max(width[i], utf8.RuneCountInString(s))
			switch v.(type) {
			case int, int64, float64:
				right[i] = true
			}
		}
	}
	line := func(row []string) {
		s := " "
		for i, c := range row {
			pad := strings.Repeat(" ", max(0, width[i]-utf8.RuneCountInString(c)))
			if right[i] {
				s += " " + pad + c + " "
			} else {
				s += " " + c + pad + " "
			}
		}
		b.WriteString(strings.TrimRight(s, " ") + "\n")
	}
	line(names)
	for r, row := range cells {
		if t.Bars {
			share, _ := t.Rows[r][len(row)-1].(float64)
			row[len(row)-1] += "  " + strings.Repeat("█", int(share*30+.5))
		}
		line(row)
	}
}

// show prints a value on one line of at most this many characters.
func show(v any, limit int) string {
	var s string
	switch v := v.(type) {
	case nil:
		s = "null"
	case []any, map[string]any:
		s = cellOf(v)
	case float64:
		if s = strconv.FormatFloat(v, 'g', 5, 64); v == float64(int64(v)) {
			s = grouped(int64(v))
		}
	case int64:
		s = grouped(v)
	case int:
		s = grouped(int64(v))
	default:
		s = fmt.Sprint(v)
	}
	s = strings.NewReplacer("\n", "⏎", "\t", " ").Replace(fault.Printable(s))
	if utf8.RuneCountInString(s) > limit {
		s = string([]rune(s)[:limit-1]) + "…"
	}
	return s
}

func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
