package extract

import (
	"encoding/xml"
	"path"
	"regexp"
	"slices"
	"strings"
)

// An entry of a table of contents names a chapter and the place where it begins.
type entry struct {
	member, fragment string
	chapter          Chapter
	depth            int
	parent           string
}

// contents reads the table of contents: the NCX of EPUB 2, the navigation document
// of EPUB 3.
func (e *epub) contents(parts []string) (entries []entry) {
	defer func() { // some name the parts without their folder
		for i, n := range entries {
			if e.zip.has(n.member) {
				continue
			}
			if at := slices.IndexFunc(parts, func(name string) bool { return path.Base(name) == path.Base(n.member) }); at >= 0 {
				entries[i].member = parts[at]
			}
		}
	}()
	for _, item := range e.pkg.Manifest {
		name, _ := resolve(e.folder, item.Href)
		if slices.Contains(strings.Fields(item.Properties), "nav") {
			if b, err := e.zip.read(name); err == nil {
				if entries = navEntries(b, path.Dir(name)); len(entries) > 1 {
					return chapterEntries(entries)
				}
			}
		}
	}
	for _, item := range e.pkg.Manifest {
		name, _ := resolve(e.folder, item.Href)
		if item.Type == "application/x-dtbncx+xml" || item.ID == e.pkg.Spine.TOC && item.ID != "" {
			if b, err := e.zip.read(name); err == nil {
				return chapterEntries(ncxEntries(b, path.Dir(name)))
			}
		}
	}
	return chapterEntries(entries)
}

// partTitle is a heading of what holds chapters.
var partTitle = regexp.MustCompile(`(?i)^\W*(?:(?:book|part|volume|vol\.|libro|parte|tomo|volumen|act|acto|jornada)\s+\S+|\S+\s+(?:part|parte|book|volume))`)

// chapterEntries keeps the entries at which chapters begin: those of the first
// level, and of the second below what is called a part.
func chapterEntries(all []entry) (out []entry) {
	for _, n := range all {
		below := partTitle.MatchString(n.parent)
		if n.depth == 0 || n.depth == 1 && below {
			n.chapter.Title = oneLine(n.chapter.Title)
			if below {
				n.chapter.Part = n.parent
			}
			if n.depth == 0 && partTitle.MatchString(n.chapter.Title) {
				n.chapter.Part = n.chapter.Title
			}
			out = append(out, n)
		}
	}
	return out
}

// ncxEntries reads an NCX: navPoints within navPoints.
func ncxEntries(b []byte, folder string) (entries []entry) {
	d := newXML(b)
	depth, label := -1, false
	var titles []string // of the open navPoints
	for {
		t, err := d.Token()
		if err != nil {
			return entries
		}
		switch t := t.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "navPoint":
				depth++
				titles = append(titles, "")
			case "navLabel":
				label = true
			case "content":
				if depth >= 0 {
					member, fragment := resolve(folder, attribute(t, "src"))
					n := entry{member: member, fragment: fragment, depth: depth, chapter: Chapter{Title: titles[depth]}}
					if depth > 0 {
						n.parent = oneLine(titles[depth-1])
					}
					entries = append(entries, n)
				}
			}
		case xml.EndElement:
			switch t.Name.Local {
			case "navPoint":
				if depth >= 0 {
					depth--
					titles = titles[:len(titles)-1]
				}
			case "navLabel":
				label = false
			}
		case xml.CharData:
			if label && depth >= 0 {
				titles[depth] += string(t)
			}
		}
	}
}

// navEntries reads the lists of a navigation document.
func navEntries(b []byte, folder string) (entries []entry) {
	d := newXML(b)
	d.AutoClose = xml.HTMLAutoClose
	depth, inside, link := -1, 0, false
	var titles [64]string
	for {
		t, err := d.Token()
		if err != nil {
			return entries
		}
		switch t := t.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "nav":
				kind := attribute(t, "type")
				if inside > 0 || kind == "" || slices.Contains(strings.Fields(kind), "toc") {
					inside++
				}
			case "ol", "ul":
				depth++
			case "a", "span":
				if link = inside > 0 && depth >= 0 && depth < len(titles); link {
					titles[depth] = ""
				}
				if link && t.Name.Local == "a" {
					member, fragment := resolve(folder, attribute(t, "href"))
					n := entry{member: member, fragment: fragment, depth: depth}
					if depth > 0 {
						n.parent = oneLine(titles[depth-1])
					}
					entries = append(entries, n)
				}
			}
		case xml.EndElement:
			switch t.Name.Local {
			case "nav":
				inside = max(0, inside-1)
			case "ol", "ul":
				depth = max(-1, depth-1)
			case "a", "span":
				if link && t.Name.Local == "a" && len(entries) > 0 && depth >= 0 {
					entries[len(entries)-1].chapter.Title = titles[depth]
				}
				link = false
			}
		case xml.CharData:
			if link {
				titles[depth] += string(t)
			}
		}
	}
}

func attribute(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
