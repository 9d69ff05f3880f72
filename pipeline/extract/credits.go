package extract

import (
	"regexp"
	"slices"
	"strings"
)

// How far from its ends a file is searched for credits: this many blocks, or bytes where
// blocks are short, as in a list of contents.
const creditBlocks, creditBytes = 40, 12_000

// Blocks of this size, in bytes, are prose: they go only if they begin as a notice does.
const noticeSize = 320

var (
	// A notice begins with what only the people who made the file say.
	notice = regexp.MustCompile(`(?i)^[\[(*_=\s-]*(?:(?:this\s+is\s+)?(?:the\s+|a\s+)?(?:copyrighted\s+)?(?:project\s+gutenberg|distributed\s+proofreaders\s+canada)|(?:this|these|the)\s+(?:e-?texts?|e-?books?)\s+(?:was|were|is|are|prepared|produced|from)\b|` +
		`this\s+work\s+is\s+in\s+the\s+canadian\s+public|this\s+site\s+is\s+full\s+of\s+free|to\s+contact\s+project\s+gutenberg|` +
		`this\s+(?:header|file)\s+should\s+be|copyright\s+laws\s+are\s+changing|please\s+(?:do\s+not\s+(?:change|edit|remove)|take\s+a\s+look\s+at\s+the\s+important|read\s+the\s+"?legal)|` +
		`(?:do|you\s+may)\s+not\s+(?:change|remove|edit)\b.{0,40}\bheader|we\s+encourage\s+you\s+to\s+keep\s+this\s+file|welcome\s+to\s+the\s+world\s+of\s+free\s+plain|` +
		`this\s+(?:text|book|version)\s+(?:is|was)\s+(?:a\s+combination|based|taken|produced|scanned|typed|prepared)\b|e-?(?:texts?|books?)\s+readable\s+by\s+both|information\s+(?:on\s+contacting|about)\s+(?:project\s+gutenberg|this)|(?:updated|corrected)\s+editions?\s+(?:of\s+our|will\s+replace)|` +
		`(?:official\s+)?(?:release|posting)\s+date\b|first\s+posted|(?:most\s+recently|date\s+last|last)\s+updated|character\s+set\s+encoding|portions\s+of\s+this\s+header|` +
		`[a-z]+,?\s+(?:\d+,\s+)?\d{4}\s+\[e-?(?:text|book)|(?:this\s+is\s+)?(?:the\s+|an?\s+)?internet\s+wiretap|(?:an?\s+)?electronic\s+(?:edition|text|version)\s+(?:by|of|prepared|published|was)|` +
		`(?:note:?\s+)?(?:images\s+of\s+the\s+original|the\s+original\s+(?:html|page\s+images))\b)`)
	// Blocks near the ends that say who made the file.
	credit = regexp.MustCompile(`(?i)^[\[(*_=\s-]*(?:(?:this\s+|the\s+|most\s+of\s+the\s+)?(?:e-?text|e-?book|text|file|html|book|edition|images?)?\s*(?:files?\s+|version\s+)?(?:was\s+|were\s+)?(?:first\s+|originally\s+)?` +
		`(?:produced|prepared|scanned|transcribed|typed|keyed|entered|proof-?read|digitized|digiti[sz]ed|updated|converted|created|corrected)\s+(?:(?:and|&|,)\s+\w+\s+)?(?:by|from|and|in|for|at|with)\b|` +
		`transcriber.?s?.?\s+note|notas?\s+del?\s+transcriptor|` +
		`(?:(?:mostly|also|re)\s*)?(?:scanned|proofed|reproofed|proofread)\b|(?:e-?text|html|e-?book|html\s+version)\s+by\b|credits?:|an\s+anonymous\s+(?:project\s+gutenberg\s+)?volunteer)`)
	bracketed = regexp.MustCompile(`(?i)^[\[(].*(?:scanned|proofread|reproofed|submitted|last updated|\be-?text)`)
	// Addresses that no book of the time has.
	address = regexp.MustCompile(`(?i)gutenberg\.(?:org|net|ca)|fadedpage\.|\bpgdp\.net|\bpglaf\.org|ibiblio\.org|archive\.org|distributed\s+proofread|https?://|www\.|ftp://|\b[\w.-]+@[\w-]+\.\w+`)
	// A line of a header. Blocks of nothing else are no title pages.
	headerLine = regexp.MustCompile(`(?i)^(?:\s{2,}|[*\s]*(?:a\s+)?project\s+gutenberg|(?:title|author|language|edition|e-?book\s+no\.?|character\s+set\s+encoding|edition\s+used\s+as\s+base[\w\s-]*|` +
		`date\s+(?:first|last|most|of\s+first)\s+[\w\s]+):)`)
	// Links to larger images, which stand under illustrations.
	imageLink = map[string]bool{"Original": true, "Enlarge": true, "Full Size": true, "[Illustration]": true}
	// What notices say of the project.
	licenceWords = regexp.MustCompile(`(?i)gutenberg(?:-tm|™|\s+literary|\s+license|\s+volunteer|\s+e-?texts?\b|\s+e-?books?\b|'s\s)|\be-?texts?\b|plain\s+vanilla|donation|small\s+print`)
	// A heading under which only the transcriber speaks.
	transcriber = regexp.MustCompile(`(?i)^[\[*_=\s]*(?:(?:original\s+)?transcriber.?s?.?\s+(?:note|endnote|comment)s?|(?:\w+\s+)?errors\s+(?:silently\s+)?corrected\s+by\s+the\s+(?:e-?text\s+)?transcriber)\s*[:.]?[\]*_=\s]*$`)
)

// withoutCredits drops the blocks that speak of the file. What the book itself says of
// Project Gutenberg stays.
func withoutCredits(text string) string {
	blocks := Blocks(text)
	if i := slices.IndexFunc(blocks[max(0, len(blocks)-creditBlocks):], transcriber.MatchString); i >= 0 {
		if at := max(0, len(blocks)-creditBlocks) + i; at > len(blocks)/2 {
			blocks = blocks[:at]
		}
	}
	kept := blocks[:0]
	all, at := size(blocks), 0
	for i, b := range blocks {
		near := i < creditBlocks || i >= len(blocks)-creditBlocks || at < creditBytes || at > all-creditBytes
		at += len(b)
		if !aboutTheFile(strings.Join(strings.Fields(b), " "), near) && (i >= creditBlocks || !isHeader(b)) {
			kept = append(kept, b)
		}
	}
	return strings.Join(kept, "\n\n")
}

// isHeader reports whether a block is nothing but fields, as "Title:" and "Date first
// posted:".
func isHeader(block string) bool {
	for line := range strings.Lines(block) {
		if !headerLine.MatchString(line) {
			return false
		}
	}
	return strings.Contains(block, ":")
}

// aboutTheFile tells a notice from the book, in a block near the ends of a file or
// inside it.
func aboutTheFile(block string, near bool) bool {
	short := len(block) < noticeSize
	switch {
	case imageLink[block]:
		return true
	case !near:
		return short && mentions(block) && (notice.MatchString(block) || isEnd(block) || address.MatchString(block))
	case notice.MatchString(block):
		return short || address.MatchString(block) || licenceWords.MatchString(block)
	case credit.MatchString(block):
		return len(block) < 1500
	case bracketed.MatchString(block), transcriber.MatchString(block):
		return len(block) < 1500
	case address.MatchString(block):
		return short || mentions(block)
	}
	return short && mentions(block) && licenceWords.MatchString(block)
}

func mentions(block string) bool {
	lower := strings.ToLower(block)
	return strings.Contains(lower, "project gutenberg") || strings.Contains(lower, "gutenberg.")
}
