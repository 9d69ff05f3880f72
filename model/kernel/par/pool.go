package par

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// pool is started once and grows to the largest number of workers asked for.
var pool struct {
	sync.Mutex
	workers atomic.Int32 // goroutines that share a call, the caller included; 0: GOMAXPROCS
	helpers int          // started so far
	jobs    chan *job
}

// Grain is how many elements of an elementwise loop one chunk holds: 64 KiB of each array.
const Grain = 1 << 14

// RowGrain is how many rows of cols elements make a chunk of about Grain elements.
func RowGrain(cols int) int { return max(1, Grain/max(cols, 1)) }

// Work is a loop body: Chunk does iterations [lo, hi). Several goroutines call it at once.
type Work interface{ Chunk(lo, hi int) }

// A job is one call of Run. Chunks are taken from a counter until none is left.
type job struct {
	Work
	n, grain  int
	next      atomic.Int64   // the next chunk
	remaining atomic.Int64   // chunks not yet done
	done      sync.WaitGroup // until the last chunk is done
	holders   atomic.Int32   // goroutines that still refer to it; the last one puts it back
}

var jobs FreeList[job]

func (j *job) release() {
	if j.holders.Add(-1) == 0 {
		j.Work = nil
		jobs.Put(j)
	}
}

// spins is how often a waiting goroutine polls before it parks: some hundred microseconds.
// Waking a parked thread takes 50 to 100 µs on a virtual machine. With a tenth of this, matrix
// products of 0.2 ms took twice as long.
const spins = 300_000

const queue = 256 // jobs that wait for helpers

// Workers returns how many goroutines share a call, the caller included.
func Workers() int {
	if n := pool.workers.Load(); n > 0 {
		return int(n)
	}
	return runtime.GOMAXPROCS(0)
}

// SetWorkers sets how many goroutines share a call; n < 1 means GOMAXPROCS.
// Results never depend on it.
func SetWorkers(n int) { pool.workers.Store(int32(max(n, 0))) }

// For calls f on [0, n) cut into chunks of grain (the last may be shorter), from
// several goroutines at once, and returns when all are done. Where the cuts lie depends
// on n and grain alone. f may call For itself.
func For(n, grain int, f func(lo, hi int)) { Run(n, grain, Func(f)) }

// A Func is a function as Work.
type Func func(lo, hi int)

// Chunk calls f.
func (f Func) Chunk(lo, hi int) { f(lo, hi) }

// Run is For for any Work. A closure would be garbage at each call; a CallPool's struct is not.
func Run(n, grain int, w Work) {
	if n <= 0 {
		return
	}
	grain = max(grain, 1)
	helpers := min(Workers(), (n+grain-1)/grain) - 1
	if helpers <= 0 {
		Inline(n, grain, w)
		return
	}
	startHelpers(helpers)
	j := jobs.Get()
	j.n, j.grain, j.Work = n, grain, w
	j.next.Store(0)
	j.remaining.Store(int64((n + grain - 1) / grain))
	j.done.Add(1)
	j.holders.Store(int32(1 + helpers))
	for range helpers {
		select {
		case pool.jobs <- j:
		default: // the queue is full: every helper has work
			j.release()
		}
	}
	j.run()
	for i := 1; i < spins && j.remaining.Load() > 0; i++ {
		if i%1024 == 0 {
			runtime.Gosched() // other goroutines run, too
		}
	}
	j.done.Wait()
	j.release()
}

// Inline is Run in the calling goroutine, with the same chunks.
func Inline(n, grain int, w Work) {
	for lo := 0; lo < n; lo += grain {
		w.Chunk(lo, min(n, lo+grain))
	}
}

// run takes chunks until none is left. It never waits for other chunks, so calls may nest.
func (j *job) run() {
	for {
		lo := (int(j.next.Add(1)) - 1) * j.grain
		if lo >= j.n {
			return
		}
		j.Chunk(lo, min(j.n, lo+j.grain))
		if j.remaining.Add(-1) == 0 {
			j.done.Done()
		}
	}
}

// startHelpers makes sure that n helpers exist.
func startHelpers(n int) {
	pool.Lock()
	defer pool.Unlock()
	if pool.jobs == nil {
		pool.jobs = make(chan *job, queue)
		for range 2 * queue { // finished jobs, too, wait in the queue until a helper wakes up
			jobs.Put(new(job))
		}
	}
	for ; pool.helpers < n; pool.helpers++ {
		go help(pool.jobs)
	}
}

// help runs jobs for ever.
func help(waiting chan *job) {
	for {
		for i := 1; i < spins && len(waiting) == 0; i++ {
			if i%1024 == 0 {
				runtime.Gosched()
			}
		}
		j := <-waiting
		j.run()
		j.release()
	}
}
