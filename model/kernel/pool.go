package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// The pool is started once and grows to the largest number of workers asked for. Its
// state, the level's and what is kept for use again are all the mutable state of the package.
var pool struct {
	sync.Mutex
	workers atomic.Int32 // how many share a call, the caller among them; 0: not chosen yet
	started int
	jobs    chan *job
}

// Work is what workers share out: chunk does [lo, hi) of it.
type work interface{ chunk(lo, hi int) }

// A job is one piece of work: chunks are taken from a counter until none is left.
type job struct {
	work
	n, grain  int
	next      atomic.Int64
	remaining atomic.Int64   // chunks not yet done
	done      sync.WaitGroup // of the last chunk
	holders   atomic.Int32   // who may still look at it; after the last it is used again
}

var jobs kept[job]

func (j *job) release() {
	if j.holders.Add(-1) == 0 {
		j.work = nil
		jobs.give(j)
	}
}

// spins is how often who waits looks again before it parks: some hundred microseconds. To
// wake a thread takes a virtual machine 50 to 100 µs, in which others are done and park in
// their turn: products of 0.2 ms took twice as long when this was a tenth of it. Now and then
// who waits lets other goroutines run.
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

// Parallel calls f on [0, n) cut into chunks of grain (the last may be shorter), from
// several goroutines at once, and returns when all are done. Where the cuts lie depends
// on n and grain alone. f may call Parallel in its turn.
func Parallel(n, grain int, f func(lo, hi int)) { share(n, grain, each(f)) }

type each func(lo, hi int)

func (f each) chunk(lo, hi int) { f(lo, hi) }

// share is Parallel of work that need not be a function: to make one that captures its
// arguments is garbage at each call.
func share(n, grain int, w work) {
	if n <= 0 {
		return
	}
	grain = max(grain, 1)
	helpers := min(Workers(), (n+grain-1)/grain) - 1
	if helpers <= 0 {
		inline(n, grain, w)
		return
	}
	start(helpers)
	j := jobs.take()
	j.n, j.grain, j.work = n, grain, w
	j.next.Store(0)
	j.remaining.Store(int64((n + grain - 1) / grain))
	j.done.Add(1)
	j.holders.Store(int32(1 + helpers))
	for range helpers {
		select {
		case pool.jobs <- j:
		default: // everyone is busy, and has more to do
			j.release()
		}
	}
	j.run()
	for i := 1; i < spins && j.remaining.Load() > 0; i++ {
		if i%1024 == 0 {
			runtime.Gosched()
		}
	}
	j.done.Wait()
	j.release()
}

// inline is share in the calling goroutine.
func inline(n, grain int, w work) {
	for lo := 0; lo < n; lo += grain {
		w.chunk(lo, min(n, lo+grain))
	}
}

// run takes chunks until there are none. It never waits for other chunks: that is why
// calls may nest.
func (j *job) run() {
	for {
		lo := (int(j.next.Add(1)) - 1) * j.grain
		if lo >= j.n {
			return
		}
		j.chunk(lo, min(j.n, lo+j.grain))
		if j.remaining.Add(-1) == 0 {
			j.done.Done()
		}
	}
}

// start makes sure that n helpers exist.
func start(n int) {
	pool.Lock()
	defer pool.Unlock()
	if pool.jobs == nil {
		pool.jobs = make(chan *job, queue)
		for range 2 * queue { // those that are done wait in it, too, until a helper wakes up
			jobs.give(new(job))
		}
	}
	for ; pool.started < n; pool.started++ {
		go help(pool.jobs)
	}
}

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
