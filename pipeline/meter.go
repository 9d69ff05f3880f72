package pipeline

import (
	"math"
	"sync/atomic"
)

// A Meter is the Progress of one phase; whoever shows it reads it as often as
// it likes.
type Meter struct {
	total, done     atomic.Int64
	unit            atomic.Pointer[string]
	tasks, finished atomic.Int64
	begun, found    atomic.Int64 // tasks that told what lies ahead; tasks that an earlier attempt finished
	say             func(string)
	measure         func(Point)
}

// A Reading is where a phase stands.
type Reading struct {
	Done, Total        int64 // what tasks told, in Unit; Total grows as tasks begin
	Unit               string
	TasksDone, TasksIn int64
	Share              float64 // of the phase, 0 to 1
}

// Read returns where the phase stands.
func (m *Meter) Read() Reading {
	r := Reading{Done: m.done.Load(), Total: m.total.Load(), TasksDone: m.finished.Load(), TasksIn: m.tasks.Load()}
	if unit := m.unit.Load(); unit != nil {
		r.Unit = *unit
	}
	begun := m.begun.Load()
	switch {
	case r.Total > 0 && begun <= r.TasksIn: // those that have not begun are taken to be as long
		r.Share = (float64(m.found.Load()) + float64(begun)*float64(r.Done)/float64(r.Total)) / float64(r.TasksIn)
	case r.Total > 0:
		r.Share = float64(r.Done) / float64(r.Total)
	case r.TasksIn > 0:
		r.Share = float64(r.TasksDone) / float64(r.TasksIn)
	}
	r.Share = min(1, r.Share)
	return r
}

// Expect adds to what lies ahead.
func (m *Meter) Expect(total int64, unit string) {
	m.begun.Add(1)
	m.total.Add(total)
	m.unit.Store(&unit)
}

// Advance adds to what is done.
func (m *Meter) Advance(n int64) { m.done.Add(n) }

// Say passes a line on to the observer.
func (m *Meter) Say(line string) {
	if m.say != nil {
		m.say(line)
	}
}

// Measure passes a point of a curve on to the observer. What is no number is no point.
func (m *Meter) Measure(p Point) {
	if m.measure != nil && !math.IsNaN(p.Value) && !math.IsInf(p.Value, 0) {
		m.measure(p)
	}
}

// What an Event tells.
const (
	EventSkip  = "skip"  // the stage's result is at hand: Result
	EventStage = "stage" // a stage begins: Why
	EventPhase = "phase" // a phase begins: Meter
	EventSay   = "say"   // a task says something: Line
	EventPoint = "point" // a curve grows: Point
	EventDone  = "done"  // the stage is finished: Result
)

// An Event is something worth showing while a run goes on. Events come one at
// a time.
type Event struct {
	Kind             string
	Stage, Use       string
	Phase            string
	Why, Line        string
	Meter            *Meter
	Point            Point
	Result           *StageResult
	Position, Stages int // the stage is number Position (from 1) of Stages in this run
}
