package extract

import (
	"fmt"
	"strings"
	"time"

	"github.com/itlightning/dateparse"
)

// isoDate returns a date as ISO 8601 has it, to the precision given, or "".
// An order of day and month that could be either is read as month first.
func isoDate(s string) string {
	s = strings.TrimSpace(strings.Trim(strings.TrimSpace(s), ".,;"))
	if s == "" || len(s) > 64 {
		return ""
	}
	for _, layout := range []string{"January, 2006", "January 2006", "Jan 2006", "2006-01"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Format("2006-01")
		}
	}
	if len(s) == 4 {
		if t, err := time.Parse("2006", s); err == nil && t.Year() >= 1000 {
			return t.Format("2006")
		}
	}
	t, err := parseDate(s)
	if err != nil || t.Year() < 1000 || t.Year() > 9999 {
		return ""
	}
	return t.Format("2006-01-02")
}

// parseDate tries what headers and pages write, then what the library knows; on
// some of what is no date it panics.
func parseDate(s string) (t time.Time, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("no date: %v", p)
		}
	}()
	for _, layout := range []string{"January 2, 2006", "January 2 2006", "2 January 2006", "2006-01-02", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return dateparse.ParseIn(s, time.UTC)
}
