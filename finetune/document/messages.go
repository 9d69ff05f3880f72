package document

import "strings"

// A Message is one of gettext's, in both languages.
type Message struct {
	Source, Target string // of plural forms: the first of each, or msgid_plural and the last
	Line           int    // of its msgid, counted from 0
	Fuzzy          bool   // the translation is of an earlier text
}

// Messages reads the messages of a .po file, the header left out; of plural forms there are two,
// one and many. What is not translated has no Target.
func Messages(content string) (all []Message, err error) {
	lines := strings.SplitAfter(content, "\n")
	fuzzy, line := false, 0
	field := map[string]string{}
	last := "" // msgstr of the greatest index
	flush := func() {
		if id := field["msgid"]; id != "" {
			one := field["msgstr"]
			plural, many := field["msgid_plural"]
			if many {
				one = field["msgstr[0]"]
			}
			all = append(all, Message{id, one, line, fuzzy})
			if many && last != "msgstr[0]" {
				all = append(all, Message{plural, field[last], line, fuzzy})
			}
		}
		field, fuzzy, last = map[string]string{}, false, ""
	}
	for i := 0; i < len(lines); {
		key, value, next, err := poField(lines, i)
		if err != nil {
			return nil, err
		}
		started := field["msgstr"] != "" || last != ""
		switch {
		case key == "":
			if started && strings.TrimSpace(lines[i]) != "" {
				flush() // a comment belongs to the message behind it
			}
			if comment := strings.TrimSpace(lines[i]); strings.HasPrefix(comment, "#,") && strings.Contains(comment, "fuzzy") {
				fuzzy = true
			}
		case (key == "msgctxt" || key == "msgid") && started:
			flush()
		}
		if key == "msgid" {
			line = i
		}
		if strings.HasPrefix(key, "msgstr") {
			last = key
		}
		if key != "" {
			field[key] = value
		}
		i = next
	}
	flush()
	return all, nil
}

// Kept lists the placeholders, escapes, tags and addresses of a text, which a translation has too.
func Kept(text string) []string { return kept.FindAllString(text, -1) }

// Plain is a text without what Kept lists.
func Plain(text string) string { return kept.ReplaceAllString(text, " ") }
