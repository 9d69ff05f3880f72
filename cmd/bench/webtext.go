package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"fragua/pipeline/extract"

	_ "embed"
)

// A webPage is a page with its right main text, or with strings that its main text
// must and must not hold.
type webPage struct {
	name          string
	kind, site    string
	html          []byte
	text          string
	with, without []string
}

// An extractor finds the main text of a page.
type extractor func(ctx context.Context, p *webPage) (string, error)

// webtext scores main text on a folder of pages. The folder is one of the WCXB data
// set (html/*.html.gz, ground-truth/*.json), where the score is the mean F1 over
// pages of words in lower case counted as a bag; or trafilatura's tests (evaldata.json,
// eval/, cache/), where it is the F1 over all strings.
func webtext(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("webtext", flag.ExitOnError)
	python := flags.String("python", "", "an interpreter with trafilatura, to set it beside")
	folds := flags.Int("folds", 0, "cross-validate with so many folds by site: pages are judged by a classifier that has not seen their sites")
	train := flags.String("train", "", "train on all pages and write the classifier to this file (pipeline/extract/maintext.weights)")
	list := flags.Bool("list", false, "print the score of each page")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: bench webtext [flags] DIR   a folder of WCXB, or trafilatura's tests")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		flags.Usage()
		return errors.New("name one folder")
	}
	dir := flags.Arg(0)
	pages, err := wcxb(dir)
	if err == nil && len(pages) == 0 {
		pages, err = trafilaturaTests(dir)
	}
	if err != nil {
		return err
	}
	switch {
	case *train != "":
		measured, err := trainingPages(ctx, pages)
		if err != nil {
			return err
		}
		b, err := extract.Train(measured).MarshalBinary()
		if err != nil {
			return err
		}
		fmt.Printf("%s: %d bytes from %d pages\n", *train, len(b), len(pages))
		return os.WriteFile(*train, b, 0o666)
	case *folds > 0:
		classifiers, err := crossValidated(ctx, pages, *folds)
		if err != nil {
			return err
		}
		return scoreAll(ctx, fmt.Sprintf("fragua, %d folds by site", *folds), cpuTime, pages, *list, func(ctx context.Context, p *webPage) (string, error) {
			got, err := classifiers[foldOf(p.site, *folds)].MainText(ctx, p.html)
			return got.Text, err
		})
	}
	if err := scoreAll(ctx, "fragua", cpuTime, pages, *list, func(ctx context.Context, p *webPage) (string, error) {
		got, err := extract.MainText(ctx, p.html)
		return got.Text, err
	}); err != nil || *python == "" {
		return err
	}
	peer, err := startPeerWeb(ctx, *python)
	if err != nil {
		return err
	}
	defer peer.close()
	return scoreAll(ctx, peer.name, func() float64 { return peer.seconds }, pages, *list, peer.text)
}

func trainingPages(ctx context.Context, pages []*webPage) ([]*extract.TrainingPage, error) {
	measured := make([]*extract.TrainingPage, len(pages))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, p := range pages {
		group.Go(func() (err error) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if p.with != nil {
				return fmt.Errorf("%s: no main text to train on; strings alone do not do", p.name)
			}
			measured[i], err = extract.NewTrainingPage(extract.Example{HTML: p.html, Text: p.text, Type: p.kind, Site: p.site})
			return err
		})
	}
	return measured, group.Wait()
}

func crossValidated(ctx context.Context, pages []*webPage, folds int) ([]*extract.Classifier, error) {
	measured, err := trainingPages(ctx, pages)
	if err != nil {
		return nil, err
	}
	out := make([]*extract.Classifier, folds)
	for fold := range folds {
		var train []*extract.TrainingPage
		for i, p := range pages {
			if foldOf(p.site, folds) != fold {
				train = append(train, measured[i])
			}
		}
		fmt.Fprintf(os.Stderr, "fold %d: training on %d pages\n", fold+1, len(train))
		out[fold] = extract.Train(train)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// foldOf puts all pages of a site into one fold.
func foldOf(site string, folds int) int {
	h := uint32(5)
	for i := range len(site) {
		h = (h ^ uint32(site[i])) * 16777619
	}
	return int(h>>4) % folds
}

// scoreAll prints a table by page type. The clock tells CPU seconds of the extractor.
func scoreAll(ctx context.Context, name string, clock func() float64, pages []*webPage, list bool, extract extractor) error {
	type tally struct {
		pages, empty     int
		p, r, f          float64
		found, bad, lost int
	}
	sums := map[string]*tally{}
	texts := make([]string, len(pages))
	size := 0
	start := clock()
	for i, p := range pages {
		text, err := extract(ctx, p)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", p.name, err)
		}
		texts[i] = text
		size += len(p.html)
	}
	seconds := clock() - start
	for i, p := range pages {
		for _, kind := range []string{p.kind, "all"} {
			if sums[kind] == nil {
				sums[kind] = new(tally)
			}
			t := sums[kind]
			t.pages++
			t.empty += boolInt(strings.TrimSpace(texts[i]) == "")
			if p.with != nil {
				found, bad := holds(texts[i], p.with), holds(texts[i], p.without)
				t.found, t.bad, t.lost = t.found+found, t.bad+bad, t.lost+len(p.with)-found
				continue
			}
			precision, recall, f1 := score(texts[i], p.text)
			t.p, t.r, t.f = t.p+precision, t.r+recall, t.f+f1
			if list && kind == "all" {
				fmt.Printf("%s %s precision %.3f recall %.3f F1 %.3f\n", p.name, p.kind, precision, recall, f1)
			}
		}
	}
	kinds := make([]string, 0, len(sums))
	for k := range sums {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	fmt.Printf("%s\n%-16s %6s %9s %7s %7s %6s\n", name, "type", "pages", "precision", "recall", "F1", "empty")
	for _, k := range kinds {
		t := sums[k]
		n := float64(t.pages)
		p, r, f := t.p/n, t.r/n, t.f/n
		if t.found > 0 {
			p, r = float64(t.found)/float64(t.found+t.bad), float64(t.found)/float64(t.found+t.lost)
			f = 2 * p * r / (p + r)
		}
		fmt.Printf("%-16s %6d %9.3f %7.3f %7.3f %6d\n", k, t.pages, p, r, f, t.empty)
	}
	if seconds > 0 {
		fmt.Printf("%.0f pages, %.1f MB a CPU-second\n\n", float64(len(pages))/seconds, float64(size)/1e6/seconds)
	}
	return nil
}

var score = extract.Score

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// holds counts the strings that a text has, white space apart.
func holds(text string, parts []string) (n int) {
	flat := strings.Join(strings.Fields(text), " ")
	for _, p := range parts {
		n += boolInt(strings.Contains(flat, strings.Join(strings.Fields(p), " ")))
	}
	return n
}

// wcxb reads a folder of WCXB; none if it is no such folder.
func wcxb(dir string) ([]*webPage, error) {
	files, err := filepath.Glob(filepath.Join(dir, "ground-truth", "*.json"))
	if err != nil {
		return nil, err
	}
	var pages []*webPage
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var truth struct {
			URL      string `json:"url"`
			Internal struct {
				PageType struct {
					Primary string `json:"primary"`
				} `json:"page_type"`
			} `json:"_internal"`
			Truth struct {
				Main string `json:"main_content"`
			} `json:"ground_truth"`
		}
		if err := json.Unmarshal(b, &truth); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		html, err := readGzip(filepath.Join(dir, "html", name+".html.gz"))
		if err != nil {
			return nil, err
		}
		pages = append(pages, &webPage{name: name, kind: truth.Internal.PageType.Primary, site: siteOf(truth.URL), html: html, text: truth.Truth.Main})
	}
	return pages, nil
}

func readGzip(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

// siteOf is the registered domain of a URL, nearly: the last two names of its host,
// three where the last but one is as short as in co.uk.
func siteOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	parts := strings.Split(strings.TrimPrefix(u.Hostname(), "www."), ".")
	if len(parts) > 2 && len(parts[len(parts)-2]) > 3 {
		parts = parts[len(parts)-2:]
	}
	return strings.Join(parts, ".")
}

// trafilaturaTests reads evaldata.json and the pages that it names.
func trafilaturaTests(dir string) ([]*webPage, error) {
	b, err := os.ReadFile(filepath.Join(dir, "evaldata.json"))
	if err != nil {
		return nil, fmt.Errorf("%s is neither a folder of WCXB (ground-truth/, html/) nor trafilatura's tests: %w", dir, err)
	}
	var items map[string]struct {
		File          string
		With, Without []string
	}
	if err := json.Unmarshal(b, &items); err != nil {
		return nil, err
	}
	var pages []*webPage
	for address, item := range items {
		html, err := os.ReadFile(filepath.Join(dir, "cache", item.File))
		if errors.Is(err, os.ErrNotExist) {
			html, err = os.ReadFile(filepath.Join(dir, "eval", item.File))
		}
		if err != nil {
			return nil, err
		}
		pages = append(pages, &webPage{name: item.File, kind: "page", site: siteOf(address), html: html, with: item.With, without: item.Without})
	}
	slices.SortFunc(pages, func(a, b *webPage) int { return strings.Compare(a.name, b.name) })
	return pages, nil
}

//go:embed peer_web.py
var peerWebPy string

// A peerWeb is a process of peer_web.py.
type peerWeb struct {
	name    string
	process *exec.Cmd
	in      io.WriteCloser
	out     *json.Decoder
	seconds float64 // CPU time so far
}

func startPeerWeb(ctx context.Context, python string) (*peerWeb, error) {
	p := &peerWeb{process: exec.CommandContext(ctx, python, "-c", peerWebPy)}
	var said bytes.Buffer
	p.process.Stderr = &said
	out, err := p.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.in, err = p.process.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.process.Start(); err != nil {
		return nil, err
	}
	p.out = json.NewDecoder(out)
	if err := p.out.Decode(&p.name); err != nil {
		return nil, fmt.Errorf("trafilatura does not start: %w\n%s", err, said.String())
	}
	return p, nil
}

func (p *peerWeb) text(_ context.Context, page *webPage) (string, error) {
	b, err := json.Marshal(page.html)
	if err != nil {
		return "", err
	}
	if _, err := p.in.Write(append(b, '\n')); err != nil {
		return "", err
	}
	var answer struct {
		Text    string
		Seconds float64
	}
	err = p.out.Decode(&answer)
	p.seconds += answer.Seconds
	return answer.Text, err
}

func (p *peerWeb) close() error {
	p.in.Close()
	return p.process.Wait()
}
