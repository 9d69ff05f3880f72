package corpus

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"fragua/pipeline/records"
)

// Unread says of each folder that is read which of its files are not, by kind, and
// which source would read them: a line a folder.
func (s *Ingest) Unread() (lines []string) {
	read := map[string]bool{} // by path
	others := map[string][]File{}
	var folders []string
	for _, c := range s.Sources {
		raw := c.source.raw()
		files, rest, err := records.List(raw.Path, raw.reads)
		if err != nil {
			continue // Reads tells of it
		}
		for _, f := range files {
			read[f.Path] = true
		}
		if folder := raw.Path.Written; others[folder] == nil {
			folders = append(folders, folder)
			others[folder] = rest
		}
	}
	for _, folder := range folders {
		rest := slices.DeleteFunc(others[folder], func(f File) bool { return read[f.Path] })
		if len(rest) > 0 {
			lines = append(lines, fmt.Sprintf("%s: %d files are not read: %s", folder, len(rest), strings.Join(unreadKinds(rest), "; ")))
		}
	}
	return lines
}

// unreadKinds lists files by kind, the commonest first.
func unreadKinds(files []File) (list []string) {
	const most = 8
	count := map[string]int{}
	for _, f := range files {
		count[unreadKind(f)]++
	}
	kinds := slices.SortedFunc(maps.Keys(count), func(a, b string) int { return cmp.Or(count[b]-count[a], strings.Compare(a, b)) })
	rest := 0
	for i, k := range kinds {
		if i >= most {
			rest += count[k]
			continue
		}
		list = append(list, fmt.Sprintf("%d %s", count[k], k))
	}
	if rest > 0 {
		list = append(list, fmt.Sprintf("%d of other kinds", rest))
	}
	return list
}

func unreadKind(f File) string {
	if records.IsHidden(f.Name) {
		return "hidden (a pattern that begins with a dot reads them)"
	}
	e := records.Extension(f.Name)
	var names []string
	for _, s := range sourcesOf(f.Name) {
		names = append(names, s.raw().kind)
	}
	if packed := path.Ext(strings.ToLower(f.Name)); packed != e {
		e += packed
	}
	e = cmp.Or(e, "without an extension")
	if len(names) == 0 {
		return e + " (no source reads them in a folder; a pattern names files of any extension)"
	}
	return fmt.Sprintf("%s (%s: {path: …} reads them)", e, strings.Join(names, " or "))
}
