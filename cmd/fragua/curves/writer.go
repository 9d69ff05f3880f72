package curves

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"fragua/pipeline"
)

// Folder lies in the folder of a run and has a folder for each stage that trains.
const Folder = "curves.live"

const (
	linesName  = "metrics.jsonl"
	eventsName = "events.out.tfevents.fragua"
)

// A line is a point with the time at which it became known.
type line struct {
	Time time.Time `json:"time"`
	pipeline.Point
}

// A Writer appends the points of a run's stages to their files.
type Writer struct {
	dir    string // of the run
	stages map[string]*stage
}

// New returns a writer for a run's folder. Nothing is made before the first point.
func New(dir string) *Writer { return &Writer{dir: dir, stages: map[string]*stage{}} }

type stage struct{ lines, events *os.File }

// Add appends a point at once, so that whoever watches sees it.
func (w *Writer) Add(name string, p pipeline.Point) error {
	s := w.stages[name]
	if s == nil {
		var err error
		if s, err = begin(filepath.Join(w.dir, Folder, name), p.Step); err != nil {
			return err
		}
		w.stages[name] = s
	}
	return s.add(line{time.Now().UTC().Truncate(time.Millisecond), p})
}

// begin opens the files of a stage. Of what an earlier attempt left, the points
// before step stay: a training that goes on writes them but once.
func begin(dir string, step int64) (*stage, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	old, err := readLines(filepath.Join(dir, linesName))
	if err != nil {
		return nil, err
	}
	s := &stage{}
	if s.lines, err = os.Create(filepath.Join(dir, linesName)); err != nil {
		return nil, err
	}
	if s.events, err = os.Create(filepath.Join(dir, eventsName)); err != nil {
		return nil, errors.Join(err, s.lines.Close())
	}
	_, err = s.events.Write(record(fileVersion(time.Now())))
	for _, l := range old {
		if err == nil && l.Step < step {
			err = s.add(l)
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *stage) add(l line) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if _, err := s.lines.Write(append(b, '\n')); err != nil {
		return err
	}
	_, err = s.events.Write(record(scalar(l)))
	return err
}

func (s *stage) close() error { return errors.Join(s.lines.Close(), s.events.Close()) }

// Close closes the files.
func (w *Writer) Close() (err error) {
	for _, s := range w.stages {
		err = errors.Join(err, s.close())
	}
	return err
}

// readLines reads what a file holds; a line that is cut short ends it.
func readLines(name string) (all []line, err error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	for in.Scan() {
		var l line
		if json.Unmarshal(in.Bytes(), &l) != nil { // a crash cut it, or it is being written
			break
		}
		all = append(all, l)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return all, nil
}

// Read returns the curves of a stage so far, in the order in which they began;
// none if it does not train.
func Read(run, stage string) (out []pipeline.Curve, err error) {
	all, err := readLines(filepath.Join(run, Folder, stage, linesName))
	if err != nil {
		return nil, err
	}
	at := map[[2]string]int{}
	for _, l := range all {
		key := [2]string{l.Curve, l.Unit}
		k, seen := at[key]
		if !seen {
			k = len(out)
			at[key] = k
			out = append(out, pipeline.Curve{Name: l.Curve, X: "step", Y: l.Unit})
		}
		if !math.IsInf(l.Value, 0) {
			out[k].Points = append(out[k].Points, [2]float64{float64(l.Step), l.Value})
		}
	}
	return out, nil
}
