package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// show tells how a run goes: on a terminal a live line for the stage at work and one for
// those to come, below the lines of those that are done; elsewhere plain lines with the
// time of day.
type show struct {
	w      io.Writer
	live   bool
	width  func() int
	stages []string // the names of all, in their order

	mu    sync.Mutex
	drawn bool // live lines stand at the cursor and below
	event pipeline.Event
	began time.Time
	phase time.Time
	stop  chan struct{}
	done  sync.WaitGroup
}

func newShow(f *os.File, stages []string) *show {
	s := &show{w: f, stages: stages, live: term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb", stop: make(chan struct{})}
	s.width = func() int {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 20 {
			return w
		}
		return 80
	}
	period := 100 * time.Millisecond
	if !s.live {
		period = 15 * time.Second // a log wants few lines
	}
	s.done.Add(1)
	go func() {
		defer s.done.Done()
		for tick := time.NewTicker(period); ; {
			select {
			case <-tick.C:
				s.mu.Lock()
				s.draw()
				s.mu.Unlock()
			case <-s.stop:
				tick.Stop()
				return
			}
		}
	}()
	return s
}

func (s *show) close() {
	close(s.stop)
	s.done.Wait()
	s.clear()
}

// clear removes the live lines.
func (s *show) clear() {
	if s.drawn {
		fmt.Fprint(s.w, "\r\x1b[J")
		s.drawn = false
	}
}

// line writes a line that stays.
func (s *show) line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(text)
}

func (s *show) put(text string) {
	s.clear()
	if !s.live {
		text = time.Now().Format(time.TimeOnly) + " " + text
	}
	fmt.Fprintln(s.w, fault.Printable(text))
}

func (s *show) observe(e pipeline.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := fmt.Sprintf("[%*d/%d] %-12s", len(fmt.Sprint(e.Stages)), e.Position, e.Stages, e.Stage)
	switch e.Kind {
	case pipeline.EventSkip:
		s.put(at + " skipped: " + e.Why)
	case pipeline.EventStage:
		s.began = time.Now()
		if !s.live {
			s.put(at + " " + e.Use + ": " + e.Why)
		}
	case pipeline.EventPhase:
		s.event, s.phase = e, time.Now()
		s.draw()
	case pipeline.EventSay:
		for l := range strings.Lines(strings.TrimRight(e.Line, "\n")) {
			s.put("      " + strings.TrimRight(l, "\n"))
		}
	case pipeline.EventDone:
		s.event = pipeline.Event{}
		s.put(fmt.Sprintf("%s %s  %s", at, outcome(e.Result), seconds(e.Result.Took)))
	}
}

// outcome is a stage's result in a few words.
func outcome(r *pipeline.StageResult) string {
	m := r.Dir.Manifest
	if m == nil {
		return "done"
	}
	c := m.Counts
	var parts []string
	if c.Read > 0 {
		in := c.Read + c.Split
		if c.Kept == in {
			parts = append(parts, number(c.Kept)+" rows")
		} else {
			parts = append(parts, fmt.Sprintf("%s of %s rows kept", number(c.Kept), number(in)))
		}
	}
	if n := c.Sums["tokens"]; n > 0 {
		parts = append(parts, number(n)+" tokens")
	}
	if len(parts) == 0 {
		parts = append(parts, "done")
	}
	return strings.Join(parts, ", ")
}

// draw shows where the phase at work stands.
func (s *show) draw() {
	e := s.event
	if e.Meter == nil {
		return
	}
	took := time.Since(s.phase)
	p := standing(e.Meter.Read(), took)
	at := fmt.Sprintf("[%*d/%d] %-12s %s", len(fmt.Sprint(e.Stages)), e.Position, e.Stages, e.Stage, e.Phase)
	share, left, rate := p.Share, "", ""
	if p.left != "" {
		left = ", " + p.left + " left"
	}
	if p.rate > 0 {
		rate = ", " + rateText(p.rate, p.Unit)
	}
	if !s.live {
		if took > 10*time.Second {
			s.put(fmt.Sprintf("%s %3.0f %%%s%s", at, 100*share, rate, left))
		}
		return
	}
	const cells = 20
	full := int(share*cells + 0.5)
	fmt.Fprint(s.w, "\r"+s.fit(fmt.Sprintf("%s %s%s %3.0f %%%s%s, %s", at, strings.Repeat("█", full), strings.Repeat("░", cells-full), 100*share, rate, left, bytesText(memoryInUse())))+"\x1b[K")
	if e.Position < len(s.stages) { // and the cursor goes back up
		fmt.Fprint(s.w, "\n"+s.fit("      then "+strings.Join(s.stages[e.Position:], ", "))+"\x1b[K\x1b[1A\r")
	}
	s.drawn = true
}

// fit cuts a line to the terminal's width: one that wraps cannot be drawn over.
func (s *show) fit(text string) string {
	text = fault.Printable(text)
	if runes := []rune(text); len(runes) > s.width()-1 {
		return string(runes[:s.width()-2]) + "…"
	}
	return text
}

func rateText(perSecond float64, unit string) string {
	if unit == "bytes" {
		return bytesText(int64(perSecond)) + "/s"
	}
	if unit == "" {
		unit = "tasks"
	}
	if perSecond < 10 {
		return fmt.Sprintf("%.1f %s/s", perSecond, unit)
	}
	return fmt.Sprintf("%s %s/s", number(int64(perSecond)), unit)
}

func bytesText(n int64) string {
	switch x := float64(n); {
	case x >= 1e9:
		return fmt.Sprintf("%.1f GB", x/1e9)
	case x >= 1e6:
		return fmt.Sprintf("%.1f MB", x/1e6)
	case x >= 1e3:
		return fmt.Sprintf("%.0f kB", x/1e3)
	}
	return fmt.Sprintf("%d B", n)
}

func seconds(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	if d < time.Minute {
		return fmt.Sprintf("%d s", int(d.Seconds()))
	}
	return fmt.Sprintf("%d:%02d min", int(d.Minutes()), int(d.Seconds())%60)
}

// number writes 12345678 as 12,345,678.
func number(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
