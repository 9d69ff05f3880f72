package extract

import (
	"encoding/json"
	"html"
	"slices"
	"strings"

	"golang.org/x/net/html/atom"
)

// pageFacts is what a page says of itself, for readers and for the classifier.
type pageFacts struct {
	title, ogTitle, heading, author, url, date, language, description string
	schema                                                            uint64   // bits of schemaTypes: from JSON-LD, and shifted by 32 from microdata
	texts                                                             []string // long texts in JSON-LD: articleBody, description and so on
	hints                                                             []uint32 // hashes of words in generator, og:type, body class, path of the URL
}

// schemaTypes are the schema.org types that tell page types apart.
var schemaTypes = map[string]uint64{
	"article": 1 << 0, "newsarticle": 1 << 0, "blogposting": 1 << 0, "reportagenewsarticle": 1 << 0, "scholarlyarticle": 1 << 0,
	"product": 1 << 1, "productgroup": 1 << 1, "offer": 1 << 2, "aggregateoffer": 1 << 2,
	"itemlist": 1 << 3, "collectionpage": 1 << 4, "offercatalog": 1 << 4, "searchresultspage": 1 << 4,
	"discussionforumposting": 1 << 5, "qapage": 1 << 5, "question": 1 << 6, "faqpage": 1 << 7,
	"techarticle": 1 << 8, "apireference": 1 << 8, "howto": 1 << 9, "recipe": 1 << 10, "service": 1 << 11, "professionalservice": 1 << 11,
	"localbusiness": 1 << 12, "softwareapplication": 1 << 13, "comment": 1 << 14, "review": 1 << 15, "webpage": 1 << 16, "website": 1 << 17,
	"organization": 1 << 18, "breadcrumblist": 1 << 19, "person": 1 << 20, "videoobject": 1 << 21, "jobposting": 1 << 22, "event": 1 << 23,
}

// readFacts reads <title>, <meta>, <link>, JSON-LD, microdata and the first heading.
func readFacts(nodes []node) (f pageFacts) {
	hint := func(prefix, s string) {
		if len(f.hints) < 200 {
			eachName(s, func(w string) { f.hints = append(f.hints, hashString(hashString(2166136261, prefix), w)) })
		}
	}
	metaDate, metaAuthor := 99, 99
	silentUntil := int32(0)
	for i := range nodes {
		n := &nodes[i]
		switch n.tag {
		case atom.Svg:
			silentUntil = max(silentUntil, n.end)
		case atom.Html:
			f.language = or(f.language, languageCode(or(n.attr("lang"), n.attr("xml:lang"))))
		case atom.Body:
			hint("body", n.attr("class"))
		case atom.Title:
			if f.title == "" && int32(i) >= silentUntil {
				f.title = oneLine(subtreeText(nodes, int32(i), 1000))
			}
		case atom.H1:
			if f.heading == "" {
				f.heading = oneLine(subtreeText(nodes, int32(i), 1000))
			}
		case atom.Link:
			if f.url == "" && strings.EqualFold(n.attr("rel"), "canonical") {
				f.url = strings.TrimSpace(n.attr("href"))
			}
		case atom.Script:
			if strings.Contains(n.attr("type"), "ld+json") && n.end > int32(i)+1 {
				f.readJSONLD(nodes[i+1].text)
			}
		case atom.Time:
			if f.date == "" && n.attr("datetime") != "" && metaDate > 8 {
				if d := isoDate(n.attr("datetime")); len(d) == 10 {
					f.date, metaDate = d, 8
				}
			}
		case atom.Meta:
			f.readMeta(n, hint, &metaDate, &metaAuthor)
		}
		if p := n.attr("itemprop"); p != "" && n.tag != atom.Meta {
			switch {
			case p == "datePublished" && metaDate > 4:
				if d := isoDate(or(n.attr("datetime"), or(n.attr("content"), oneLine(subtreeText(nodes, int32(i), 60))))); d != "" {
					f.date, metaDate = d, 4
				}
			case p == "author" && metaAuthor > 4:
				if a := oneLine(subtreeText(nodes, int32(i), 80)); a != "" && len(a) < 70 {
					f.author, metaAuthor = a, 4
				}
			}
		}
		if t := n.attr("itemtype"); t != "" {
			f.schema |= schemaTypes[strings.ToLower(t[strings.LastIndexAny(t, "/:")+1:])] << 32
		}
	}
	hint("title", f.title)
	if f.url != "" {
		path := f.url
		if _, after, ok := strings.Cut(path, "://"); ok {
			path = after
		}
		host, path, _ := strings.Cut(path, "/")
		hint("host", host)
		hint("path", path)
	}
	return f
}

// bestTitle is the title without the name of the site: the heading or the og:title
// if it is part of <title>.
func (f *pageFacts) bestTitle() string {
	for _, t := range []string{f.heading, f.ogTitle} {
		if len(t) > 3 && (f.title == "" || strings.Contains(strings.ToLower(f.title), strings.ToLower(t))) {
			return t
		}
	}
	return or(f.title, or(f.ogTitle, f.heading))
}

// Lower numbers win: a declared date of publication beats one found on the page.
var (
	metaDates = map[string]int{"article:published_time": 1, "datepublished": 1, "citation_publication_date": 2, "citation_date": 2, "dc.date.issued": 2,
		"dcterms.created": 2, "parsely-pub-date": 1, "sailthru.date": 2, "publishdate": 2, "publish_date": 2, "publish-date": 2, "pubdate": 2, "dc.date": 3, "date": 3, "og:published_time": 1}
	metaAuthors = map[string]int{"author": 1, "article:author": 3, "dc.creator": 2, "dcterms.creator": 2, "citation_author": 1, "parsely-author": 2, "sailthru.author": 2, "byl": 2, "twitter:creator": 9}
)

func (f *pageFacts) readMeta(n *node, hint func(string, string), dateRank, authorRank *int) {
	content := oneLine(n.attr("content"))
	if content == "" {
		return
	}
	name := strings.ToLower(or(n.attr("name"), or(n.attr("property"), n.attr("itemprop"))))
	if rank, ok := metaDates[name]; ok && rank < *dateRank {
		if d := isoDate(content); d != "" {
			f.date, *dateRank = d, rank
		}
	}
	if rank, ok := metaAuthors[name]; ok && rank < *authorRank && !strings.HasPrefix(content, "http") && !strings.HasPrefix(content, "@") {
		f.author, *authorRank = content, rank
	}
	switch name {
	case "og:title", "twitter:title":
		f.ogTitle = or(f.ogTitle, content)
	case "og:url":
		f.url = or(f.url, content)
	case "og:type":
		hint("og", content)
	case "generator", "application-name", "og:site_name":
		hint(name, content)
	case "description", "og:description":
		if len(content) > len(f.description) {
			f.description = content
		}
	case "dc.language", "og:locale":
		f.language = or(f.language, languageCode(strings.ReplaceAll(content, "_", "-")))
	}
}

// subtreeText joins the text under a node, up to about limit bytes.
func subtreeText(nodes []node, n int32, limit int) string {
	var s strings.Builder
	for i := n + 1; i < nodes[n].end && s.Len() < limit; i++ {
		m := &nodes[i]
		if m.isText() {
			s.WriteString(m.text)
		} else if silent[m.tag] {
			i = m.end - 1
		} else if _, isBlock := blockWidth(m); isBlock || m.tag == atom.Br {
			s.WriteByte(' ')
		}
	}
	return s.String()
}

// readJSONLD takes types, metadata and long texts from one script. What is no
// JSON is passed over: pages without it are read as well.
func (f *pageFacts) readJSONLD(script string) {
	if len(script) > 4<<20 {
		return
	}
	script = strings.TrimSpace(script)
	script = strings.TrimSuffix(strings.TrimPrefix(script, "<![CDATA["), "]]>")
	var v any
	if json.Unmarshal([]byte(script), &v) != nil {
		clean := strings.Map(func(r rune) rune {
			if r < ' ' {
				return ' '
			}
			return r
		}, script)
		if json.Unmarshal([]byte(clean), &v) != nil {
			return
		}
	}
	f.readThing(v, 0, 0)
}

func (f *pageFacts) readThing(v any, depth int, under uint64) {
	if depth > 8 || len(f.texts) > 400 {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			f.readThing(e, depth+1, under)
		}
	case map[string]any:
		kind := uint64(0)
		eachString(v["@type"], func(s string) { kind |= schemaTypes[strings.ToLower(s[strings.LastIndexAny(s, "/:")+1:])] })
		f.schema |= kind
		const works = 1<<0 | 1<<5 | 1<<8 | 1<<9 | 1<<10
		if kind&works != 0 {
			eachString(v["datePublished"], func(s string) {
				if d := isoDate(s); d != "" {
					f.date = d
				}
			})
			if name := authorName(v["author"]); name != "" && !strings.HasPrefix(name, "http") {
				f.author = name
			}
		}
		for _, key := range []string{"articleBody", "text", "description", "reviewBody", "name", "headline"} {
			eachString(v[key], func(s string) {
				if len(s) >= 80 {
					f.texts = append(f.texts, s)
				}
			})
		}
		for _, key := range sortedKeys(v) {
			f.readThing(v[key], depth+1, kind)
		}
	}
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k, v := range m {
		switch v.(type) {
		case map[string]any, []any:
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func eachString(v any, yield func(string)) {
	switch v := v.(type) {
	case string:
		yield(html.UnescapeString(v))
	case []any:
		for _, e := range v {
			if s, ok := e.(string); ok {
				yield(html.UnescapeString(s))
			}
		}
	}
}

// authorName joins the names of one or several authors.
func authorName(v any) string {
	switch v := v.(type) {
	case string:
		return oneLine(html.UnescapeString(v))
	case map[string]any:
		if s, ok := v["name"].(string); ok {
			return oneLine(html.UnescapeString(s))
		}
		return authorName(v["name"])
	case []any:
		var names []string
		for _, e := range v {
			if s := authorName(e); s != "" && len(names) < 20 {
				names = append(names, s)
			}
		}
		return strings.Join(names, ", ")
	}
	return ""
}
