package main

import (
	"encoding/json"
	"io"
	"runtime"
	"strings"
	"sync"
	"time"

	"fragua/pipeline"
)

// A watcher is told how a run goes: show for people, jsonLog for programs.
type watcher interface {
	observe(pipeline.Event)
	line(string)
	close()
}

// newWatcher makes what --log asks for.
func newWatcher(format string, w io.Writer, people func() *show) watcher {
	if format == "json" {
		return newJSONLog(w, time.Second)
	}
	return people()
}

// A jsonLog writes one JSON object a line: every event of the run, and where the
// phase stands once in a while.
type jsonLog struct {
	mu     sync.Mutex
	enc    *json.Encoder
	event  pipeline.Event // the phase at work
	phase  time.Time      // when it began
	ticker *time.Ticker
	stop   chan struct{}
	done   sync.WaitGroup
}

// A logLine is a line of the log. Times are RFC 3339, seconds are wall time.
type logLine struct {
	Time    string  `json:"time"`
	Event   string  `json:"event"` // skip, stage, phase, progress, say, point, done, note
	Stage   string  `json:"stage,omitempty"`
	Use     string  `json:"use,omitempty"`
	Phase   string  `json:"phase,omitempty"`
	Line    string  `json:"line,omitempty"`
	Number  int     `json:"number,omitempty"` // of the stage, from 1
	Stages  int     `json:"stages,omitempty"`
	Share   float64 `json:"share,omitempty"` // of the phase, 0 to 1
	Done    int64   `json:"done,omitempty"`  // in Unit
	Total   int64   `json:"total,omitempty"`
	Unit    string  `json:"unit,omitempty"`
	Rate    float64 `json:"rate,omitempty"` // units a second
	Left    string  `json:"left,omitempty"` // time until the phase's end
	Seconds float64 `json:"seconds,omitempty"`
	Memory  int64   `json:"memory,omitempty"` // bytes in use by the process, as Go's runtime counts them
	Kept    *int64  `json:"kept,omitempty"`
	Read    *int64  `json:"read,omitempty"`

	*pipeline.Point // of a curve that grows
}

func newJSONLog(w io.Writer, period time.Duration) *jsonLog {
	l := &jsonLog{enc: json.NewEncoder(w), ticker: time.NewTicker(period), stop: make(chan struct{})}
	l.enc.SetEscapeHTML(false)
	l.done.Add(1)
	go func() {
		defer l.done.Done()
		for {
			select {
			case <-l.ticker.C:
				l.progress()
			case <-l.stop:
				return
			}
		}
	}()
	return l
}

func (l *jsonLog) close() {
	l.ticker.Stop()
	close(l.stop)
	l.done.Wait()
}

func (l *jsonLog) write(line logLine) {
	line.Time = time.Now().UTC().Format(time.RFC3339Nano)
	l.enc.Encode(line) // whoever has closed the log wants no more of it
}

func (l *jsonLog) line(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write(logLine{Event: "note", Line: text})
}

func (l *jsonLog) observe(e pipeline.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := logLine{Event: e.Kind, Stage: e.Stage, Use: e.Use, Phase: e.Phase, Line: strings.TrimRight(e.Line, "\n"), Number: e.Position, Stages: e.Stages}
	switch e.Kind {
	case pipeline.EventStage, pipeline.EventSkip:
		line.Line = e.Why
	case pipeline.EventPhase:
		l.event, l.phase = e, time.Now()
	case pipeline.EventPoint:
		line.Point = &e.Point
	case pipeline.EventDone:
		l.event = pipeline.Event{}
		line.Seconds = e.Result.Took.Seconds()
		if m := e.Result.Dir.Manifest; m != nil {
			read := m.Counts.Read + m.Counts.Split
			line.Kept, line.Read = &m.Counts.Kept, &read
		}
	}
	l.write(line)
}

// progress tells where the phase at work stands.
func (l *jsonLog) progress() {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.event
	if e.Meter == nil {
		return
	}
	at := standing(e.Meter.Read(), time.Since(l.phase))
	l.write(logLine{Event: "progress", Stage: e.Stage, Use: e.Use, Phase: e.Phase, Number: e.Position, Stages: e.Stages,
		Share: at.Share, Done: at.Done, Total: at.Total, Unit: at.Unit, Rate: at.rate, Left: at.left, Memory: memoryInUse()})
}

// memoryInUse is how many bytes the process holds, as Go's runtime counts them.
func memoryInUse() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}

// A position is where a phase stands, with what follows from it.
type position struct {
	pipeline.Reading
	rate float64 // units a second; 0: not known yet
	left string  // until the end; "": not known yet
}

func standing(r pipeline.Reading, took time.Duration) position {
	p := position{Reading: r}
	if p.Share > 0.005 && p.Share < 1 && took > time.Second {
		p.left = seconds(time.Duration(float64(took) * (1 - p.Share) / p.Share))
	}
	if r.Done > 0 && took > 200*time.Millisecond {
		p.rate = float64(r.Done) / took.Seconds()
	}
	return p
}
