package extract

import (
	"bytes"
	"context"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	"go.yaml.in/yaml/v4"
)

// MarkdownText reads a Markdown document (CommonMark, with the tables, lists and
// autolinks of GitHub): its text, with the marks or without, and what its front
// matter says, in YAML or TOML. Comments go.
func MarkdownText(ctx context.Context, text string, plain bool) (Page, error) {
	page, body := frontMatter(text)
	if m := atxTitle.FindStringSubmatch(body); page.Title == "" && m != nil {
		page.Title = oneLine(m[1])
	}
	body = htmlComment.ReplaceAllString(body, "")
	if !plain {
		page.Text = strings.Trim(body, "\n")
		return page, nil
	}
	var b bytes.Buffer
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	if err := md.Convert([]byte(body), &b); err != nil {
		return Page{}, err
	}
	visible, err := VisibleText(ctx, b.Bytes())
	page.Text = visible.Text
	return page, err
}

var (
	atxTitle    = regexp.MustCompile(`(?m)\A(?:[^\n]*\n){0,20}?#[ \t]+([^\n]+?)[ \t#]*$`)
	htmlComment = regexp.MustCompile(`(?s)<!--.*?-->`)
	tomlLine    = regexp.MustCompile(`(?m)^(\w+)\s*=\s*["']?([^"'\n]*)["']?\s*$`)
)

// frontMatter parts the front matter from the text.
func frontMatter(text string) (page Page, body string) {
	for _, fence := range []string{"---", "+++"} {
		rest, ok := strings.CutPrefix(text, fence+"\n")
		if !ok {
			continue
		}
		head, body, ok := strings.Cut("\n"+rest, "\n"+fence+"\n")
		if !ok || len(head) > 64<<10 {
			continue
		}
		fields := map[string]any{}
		if fence == "+++" {
			for _, m := range tomlLine.FindAllStringSubmatch(head, -1) {
				fields[m[1]] = m[2]
			}
		} else if yaml.Unmarshal([]byte(head), &fields) != nil {
			continue // a rule, and then text
		}
		get := func(names ...string) string {
			for _, name := range names {
				switch v := fields[name].(type) {
				case string:
					return oneLine(v)
				case []any:
					if len(v) > 0 {
						if s, ok := v[0].(string); ok {
							return oneLine(s)
						}
					}
				case interface{ Format(string) string }:
					return v.Format("2006-01-02")
				}
			}
			return ""
		}
		return Page{Title: get("title"), Author: get("author", "authors"), Date: isoDate(get("date", "published")), Language: languageCode(get("lang", "language"))}, body
	}
	return Page{}, text
}
