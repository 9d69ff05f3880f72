package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"fragua/pipeline/langid"
)

// sources are the folders to read.
type sources struct{ lingua, words, sentences, mo, help, xpi string }

// check returns an error for a folder that is not there.
func (from sources) check() error {
	for flag, dir := range map[string]string{"lingua": from.lingua, "words": from.words, "sentences": from.sentences, "mo": from.mo, "help-pages": from.help, "xpi": from.xpi} {
		if s, err := os.Stat(dir); err != nil || !s.IsDir() {
			return fmt.Errorf("-%s %q is no folder; the head of cmd/trainlanguage/main.go says where to get it", flag, dir)
		}
	}
	return nil
}

// A corpus is what is known of one language.
type corpus struct {
	words  []weighted // with their frequency dampened
	common []weighted // with their frequency as it is, to make lines of
	lines  []string   // sentences and messages
}

// folders of translated programs that are not named by the code of the language.
var aliases = map[string]string{"pt-br": "pt", "pt_br": "pt", "pt-BR": "pt", "pt_BR": "pt", "zh_cn": "zh", "zh-cn": "zh", "zh-CN": "zh", "zh_tw": "zh", "zh-TW": "zh",
	"pa-IN": "pa", "kmr-Latn": "ku", "kmr": "ku", "en-US": "en", "en-us": "en", "en-GB": "en", "nb-NO": "nb", "nn-NO": "nn", "es-ES": "es", "hi-IN": "hi",
	"sr-Latn": "sr", "sr-latn": "sr", "kur": "ku"}

// codeOf returns the index of the language that a file or folder is named after.
func codeOf(name string) int {
	name = strings.TrimSuffix(filepath.Base(name), ".txt")
	if a, ok := aliases[name]; ok {
		name = a
	}
	return langid.Index(name)
}

// readWords reads `word count` lines, as hermitdave/FrequencyWords has them.
func readWords(name string, into map[string]float64) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	total := 0.0
	own := map[string]float64{}
	for s := bufio.NewScanner(f); s.Scan(); {
		word, count, _ := strings.Cut(s.Text(), " ")
		n, err := strconv.ParseFloat(count, 64)
		if err != nil {
			return fmt.Errorf("%s: %q: %w", name, s.Text(), err)
		}
		own[word] += n
		total += n
	}
	for w, n := range own {
		into[w] += n / total
	}
	return nil
}

// readMO reads the translations of a gettext catalogue, those equal to the
// original left out.
func readMO(b []byte) (lines []string) {
	if len(b) < 20 || binary.LittleEndian.Uint32(b) != 0x950412de {
		return nil
	}
	at := func(i int) int { return int(binary.LittleEndian.Uint32(b[i:])) }
	text := func(table, i int) string {
		n, off := at(table+8*i), at(table+8*i+4)
		return string(b[off : off+n])
	}
	for i := range at(8) {
		from, to := text(at(12), i), text(at(16), i)
		if _, after, ok := strings.Cut(from, "\x04"); ok {
			from = after
		}
		if _, after, ok := strings.Cut(from, "\x00"); ok {
			from = after
		}
		for s := range strings.SplitSeq(to, "\x00") {
			if from != s && !strings.Contains(s, "Content-Transfer-Encoding") {
				lines = append(lines, clean(s))
			}
		}
	}
	return lines
}

var (
	markup = regexp.MustCompile(`<[^>]*>|&[a-z]+;|%[A-Za-z0-9_]+%?|\$[A-Za-z(]+\)?|\{[^}]*\}|[A-Za-z0-9_./-]*[_/][A-Za-z0-9_./-]*|[A-Z]{2,}`)
	spaces = regexp.MustCompile(`\s+`)
)

// clean removes markup, placeholders, file names and acronyms.
func clean(s string) string {
	s = strings.NewReplacer("~", "", "_", "", "&amp;", "&").Replace(s)
	return strings.TrimSpace(spaces.ReplaceAllString(markup.ReplaceAllString(s, " "), " "))
}

// readXPI reads the messages of a Firefox language pack, which is a zip of
// `key = message` files.
func readXPI(b []byte) (lines []string, err error) {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, ".ftl") && !strings.HasSuffix(f.Name, ".properties") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(b)) {
			if key, message, ok := strings.Cut(line, "="); ok && !strings.Contains(key, "style") && !strings.HasPrefix(key, "#") {
				lines = append(lines, clean(message))
			}
		}
	}
	return lines, nil
}

var paragraphs = regexp.MustCompile(`(?s)<(?:p|h[1-6]|td|li)\b[^>]*>(.*?)</(?:p|h[1-6]|td|li)>`)

// walk calls f with each file under dir with the ending.
func walk(dir, ending string, f func(name string, b []byte) error) error {
	return filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(name, ending) {
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return f(name, b)
	})
}

// marked languages write vowels as marks, which the tables of lingua-go lack.
var marked = []string{"hi", "mr", "th"}

// gather reads all sources.
func (from sources) gather(rng *rand.Rand) ([]corpus, error) {
	all := make([]corpus, len(langid.Languages))
	counts := make([]map[string]float64, len(all))
	for i := range counts {
		counts[i] = map[string]float64{}
	}
	lists, _ := filepath.Glob(filepath.Join(from.words, "*.txt"))
	for _, name := range lists {
		if k := codeOf(name); k >= 0 {
			if err := readWords(name, counts[k]); err != nil {
				return nil, err
			}
		}
	}
	files, _ := filepath.Glob(filepath.Join(from.sentences, "*.txt"))
	for _, name := range files {
		k := codeOf(name)
		if k < 0 {
			k = langid.Index(langid.Unknown)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all[k].lines = append(all[k].lines, held(strings.Split(strings.TrimSpace(string(b)), "\n"), false)...)
	}
	seen := map[string]bool{}
	add := func(k int, lines []string) {
		for _, s := range lines {
			if key := strconv.Itoa(k) + s; len(s) > 8 && !seen[key] {
				seen[key] = true
				all[k].lines = append(all[k].lines, s)
			}
		}
	}
	err := walk(from.mo, ".mo", func(name string, b []byte) error {
		if k := codeOf(filepath.Dir(filepath.Dir(name))); k >= 0 {
			add(k, readMO(b))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = walk(from.help, ".html", func(name string, b []byte) error {
		_, rest, ok := strings.Cut(name, "libreoffice/help/")
		if !ok || !strings.Contains(rest, "/text/swriter/") { // enough of them
			return nil
		}
		code, _, _ := strings.Cut(rest, "/")
		if k := codeOf(code); k >= 0 {
			for _, p := range paragraphs.FindAllSubmatch(b, -1) {
				add(k, []string{clean(string(p[1]))})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = walk(from.xpi, ".xpi", func(name string, b []byte) error {
		code := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(name), "langpack-"), "@firefox-esr.mozilla.org.xpi")
		if _, ok := aliases[code]; !ok {
			code, _, _ = strings.Cut(code, "-")
		}
		k := codeOf(code)
		if k < 0 {
			return nil
		}
		lines, err := readXPI(b)
		add(k, lines)
		return err
	})
	if err != nil {
		return nil, err
	}
	// Messages that stand in several languages were left in one of them.
	common := map[string]int{}
	for _, c := range all {
		for _, s := range c.lines {
			common[s]++
		}
	}
	for k := range all {
		all[k].lines = slices.DeleteFunc(all[k].lines, func(s string) bool { return common[s] > 3 })
		if langid.Languages[k].Code == "" {
			continue // no words of its own
		}
		c := counts[k]
		// the words of the lines count as much as the lists
		own, total := map[string]float64{}, 0.0
		for _, s := range all[k].lines {
			for _, w := range wordsOf(s) {
				own[w]++
				total++
			}
		}
		share := .3
		if len(c) == 0 {
			share = 1
		}
		for w, n := range own {
			c[w] += share * n / total
		}
		dir := filepath.Join(from.lingua, langid.Languages[k].Code)
		if _, err := os.Stat(filepath.Join(dir, linguaFiles[4]+".pb.bin.zip")); err == nil && !slices.Contains(marked, langid.Languages[k].Code) { // absent where the script tells all
			ch, err := readChain(dir)
			if err != nil {
				return nil, err
			}
			const n = 400_000
			for range n {
				c[ch.word(rng)] += 3. / n
			}
		}
		for _, w := range sortedKeys(c) {
			all[k].common = append(all[k].common, weighted{w, c[w]})
			all[k].words = append(all[k].words, weighted{w, math.Sqrt(c[w])})
		}
		accumulate(all[k].common)
		accumulate(all[k].words)
	}
	return all, nil
}

// held splits lines into those to learn from and, one of five, those to judge by.
func held(lines []string, judge bool) (out []string) {
	for i, s := range lines {
		if (i%5 == 4) == judge {
			out = append(out, s)
		}
	}
	return out
}

var wordPattern = regexp.MustCompile(`[\p{L}\p{M}]+`)

func wordsOf(s string) []string { return wordPattern.FindAllString(strings.ToLower(s), -1) }
