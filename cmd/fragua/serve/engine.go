package serve

import (
	"context"
	"math"
	"slices"

	"fragua/model"
)

// A job is a text that a model goes on with.
type job struct {
	ctx     context.Context
	prompt  []int32
	most    int     // ids to add
	stop    []int32 // ids that end it, which are not given out
	draw    *model.Draw
	allow   func(id int32) (ok, done bool) // nil: every id; done: the text ends with it
	top     int                            // alternatives to report; negative: none
	events  chan event                     // has room for all, and is closed at the end
	fed     int
	next    []int32
	written int
}

// An event is an id that was drawn. The last one has a reason and no id.
type event struct {
	id     int32
	logp   float64
	top    []alternative
	reason string // "": more comes; stop, length or cancelled
}

type alternative struct {
	id   int32
	logp float64
}

// prefill is how many ids of a prompt are read in one step, so that a long one does not hold up
// the others.
const prefill = 256

// An engine runs the texts of a language model together: each step feeds every text its next
// ids, and texts join and leave between steps.
type engine struct {
	m     model.LanguageModel
	slots int
	queue chan *job
	d     model.Decoder
	jobs  []*job // a row each
	stats *stats
}

func newEngine(m model.LanguageModel, slots, queue int, s *stats) *engine {
	if _, ok := m.Decoder().(model.Grower); !ok {
		slots = 1 // a recurrent state knows no rows that come later
	}
	return &engine{m: m, slots: slots, queue: make(chan *job, queue), stats: s}
}

// submit hands a job over; false: the queue is full.
func (e *engine) submit(j *job) bool {
	select {
	case e.queue <- j:
		return true
	default:
		return false
	}
}

// run works until the context ends, then finishes nothing more.
func (e *engine) run(ctx context.Context) {
	for {
		if len(e.jobs) == 0 {
			select {
			case j := <-e.queue:
				e.join(j)
			case <-ctx.Done():
				return
			}
		}
		for len(e.jobs) < e.slots {
			select {
			case j := <-e.queue:
				e.join(j)
				continue
			default:
			}
			break
		}
		e.step()
		if ctx.Err() != nil {
			for _, j := range e.jobs {
				j.end("cancelled")
			}
			return
		}
	}
}

func (e *engine) join(j *job) {
	if j.ctx.Err() != nil {
		j.end("cancelled")
		return
	}
	if g, ok := e.d.(model.Grower); ok {
		g.Grow(1)
	} else {
		e.d = e.m.Decoder()
		if g, ok := e.d.(model.Grower); ok {
			g.Grow(1)
		}
	}
	e.jobs = append(e.jobs, j)
}

// step feeds every text, draws an id where a prompt is read, and drops texts that end.
func (e *engine) step() {
	if len(e.jobs) == 0 {
		return
	}
	rows := make([][]int32, len(e.jobs))
	for r, j := range e.jobs {
		if j.fed < len(j.prompt) {
			rows[r] = j.prompt[j.fed:min(len(j.prompt), j.fed+prefill)]
			j.fed += len(rows[r])
		} else {
			rows[r] = j.next
		}
	}
	logits := e.d.Feed(rows)
	vocab := e.m.Vocab()
	var keep []int
	for r, j := range e.jobs {
		reason := ""
		if j.ctx.Err() != nil {
			reason = "cancelled"
		} else if j.fed == len(j.prompt) {
			reason = j.take(logits[r*vocab:][:vocab])
			e.stats.tokens.Add(1)
		}
		if reason == "" {
			keep = append(keep, r)
		} else {
			j.end(reason)
		}
	}
	if len(keep) == len(e.jobs) {
		return
	}
	if len(keep) == 0 {
		e.d, e.jobs = nil, nil // its memory goes with it
		return
	}
	e.d.Select(keep)
	var left []*job
	for _, r := range keep {
		left = append(left, e.jobs[r])
	}
	e.jobs = left
}

func (j *job) end(reason string) {
	j.events <- event{reason: reason}
	close(j.events)
}

// take draws the next id and says why the text ends, if it does.
func (j *job) take(logits []float32) string {
	row := logits
	if j.allow != nil {
		row = slices.Clone(logits)
	}
	var id int32
	done := false
	for range len(logits) {
		id = j.draw.Next(row)
		if j.allow == nil {
			break
		}
		ok, last := j.allow(id)
		if done = last; ok {
			break
		}
		row[id] = float32(math.Inf(-1))
	}
	if slices.Contains(j.stop, id) && j.allow == nil {
		return "stop"
	}
	e := event{id: id}
	if j.top >= 0 {
		e.logp, e.top = logProbs(logits, id, j.top)
	}
	j.events <- e
	j.next = []int32{id}
	if j.written++; done {
		return "stop"
	} else if j.written >= j.most {
		return "length"
	}
	return ""
}

// logProbs is the logarithm of an id's probability, and the likeliest n.
func logProbs(logits []float32, id int32, n int) (float64, []alternative) {
	most, sum := slices.Max(logits), 0.0
	for _, z := range logits {
		sum += math.Exp(float64(z - most))
	}
	logp := func(i int32) float64 { return float64(logits[i]-most) - math.Log(sum) }
	var top []alternative
	for i := range int32(len(logits)) {
		a := alternative{i, logp(i)}
		at, _ := slices.BinarySearchFunc(top, a, func(x, y alternative) int {
			if x.logp >= y.logp {
				return -1
			}
			return 1
		})
		if at < n {
			top = slices.Insert(top, at, a)
			top = top[:min(n, len(top))]
		}
	}
	return logp(id), top
}
