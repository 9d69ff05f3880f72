package document

import (
	"errors"
	"html"
	"io"
	"regexp"
	"strings"

	nethtml "golang.org/x/net/html"
)

// inline are the elements within a sentence: their tags are part of its text.
var inline = set("a abbr b bdi bdo cite code data dfn em font i ins kbd label mark q s samp small span strong sub sup time u var del wbr")

// untouched are the elements whose content is no text.
var untouched = set("script style pre textarea svg math noscript template iframe")

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// readHTML reads a page: what stands between the tags of blocks is a text, with the tags that it
// has inside. Elements with translate="no" stay as they are.
func readHTML(content string, _ Languages) (*Document, error) {
	d := new(Document)
	z := nethtml.NewTokenizer(strings.NewReader(content))
	var text strings.Builder // of the block under way, as the file has it
	flush := func() {
		s := text.String()
		text.Reset()
		// Tags at the edges stay outside: what is left is one sentence or several.
		lead, inner, trail := trimTags(s)
		if !hasLetter(html.UnescapeString(tag.ReplaceAllString(inner, ""))) {
			d.raw(s)
			return
		}
		d.raw(lead)
		d.add(unescape(inner), escape)
		d.raw(trail)
	}
	var skip []string // open elements within one that stays as it is
	for {
		kind := z.Next()
		if kind == nethtml.ErrorToken {
			flush()
			if err := z.Err(); !errors.Is(err, io.EOF) {
				return nil, err
			}
			return d, nil
		}
		raw := string(z.Raw())
		token := z.Token()
		name := token.Data
		opens, closes := kind == nethtml.StartTagToken && !void[name], kind == nethtml.EndTagToken
		switch {
		case len(skip) > 0:
			if opens && name == skip[len(skip)-1] {
				skip = append(skip, name)
			} else if closes && name == skip[len(skip)-1] {
				skip = skip[:len(skip)-1]
			}
			d.raw(raw)
		case opens && (untouched[name] || noTranslate(token)):
			flush()
			skip = append(skip, name)
			d.raw(raw)
		case kind == nethtml.TextToken, (kind == nethtml.StartTagToken || closes || kind == nethtml.SelfClosingTagToken) && inline[name]:
			text.WriteString(raw)
		default:
			flush()
			d.raw(raw)
		}
	}
}

var void = set("area base br col embed hr img input link meta source track wbr")

var tag = regexp.MustCompile(`</?[A-Za-z][^<>]*>`)

func noTranslate(t nethtml.Token) bool {
	for _, a := range t.Attr {
		if a.Key == "translate" && a.Val == "no" {
			return true
		}
	}
	return false
}

// trimTags takes the tags and the white space off both ends of a text.
func trimTags(s string) (lead, inner, trail string) {
	for inner = s; ; {
		cut := inner[len(inner)-len(strings.TrimLeft(inner, " \t\r\n")):]
		if i := strings.IndexByte(cut, '>'); strings.HasPrefix(cut, "<") && !strings.HasPrefix(cut, "<code") && i >= 0 {
			cut = cut[i+1:]
		}
		if len(cut) == len(inner) {
			break
		}
		lead, inner = lead+inner[:len(inner)-len(cut)], cut
	}
	for {
		cut := strings.TrimRight(inner, " \t\r\n")
		if i := strings.LastIndexByte(cut, '<'); strings.HasSuffix(cut, ">") && !strings.HasSuffix(cut, "</code>") && i >= 0 {
			cut = cut[:i]
		}
		if len(cut) == len(inner) {
			return lead, inner, trail
		}
		trail, inner = inner[len(cut):]+trail, cut
	}
}

// unescape turns entities outside tags into characters, but for those that would be markup.
func unescape(s string) string {
	return outsideTags(s, func(t string) string {
		t = strings.NewReplacer("&lt;", "&amp;lt;", "&gt;", "&amp;gt;", "&amp;", "&amp;amp;").Replace(t)
		return strings.Join(strings.Fields(html.UnescapeString(t)), " ")
	})
}

// escape turns what would be markup outside tags into entities.
func escape(s string) string {
	return outsideTags(s, func(t string) string {
		return strings.NewReplacer("&lt;", "&lt;", "&gt;", "&gt;", "&amp;", "&amp;", "&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(t)
	})
}

// outsideTags applies f to what stands between tags, the white space at its edges kept as one space.
func outsideTags(s string, f func(string) string) string {
	var b strings.Builder
	at := 0
	between := func(t string) {
		inner := strings.TrimSpace(t)
		if inner == "" {
			if t != "" {
				b.WriteByte(' ')
			}
			return
		}
		if t[0] != inner[0] {
			b.WriteByte(' ')
		}
		b.WriteString(f(inner))
		if t[len(t)-1] != inner[len(inner)-1] {
			b.WriteByte(' ')
		}
	}
	for _, m := range tag.FindAllStringIndex(s, -1) {
		between(s[at:m[0]])
		b.WriteString(s[m[0]:m[1]])
		at = m[1]
	}
	between(s[at:])
	return b.String()
}
