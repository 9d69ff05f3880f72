package train

import (
	"fmt"
	"sync"

	"fragua/model"
)

// A Source gives batches by number: the position in the data is that number and
// nothing else, so a resumed run asks for the next one.
type Source interface {
	// Batch fills b, whose slices it reuses, with micro-batch number n, counted
	// from 0 over the whole run. It is a pure function of n. It may set b.Norm to
	// how many losses the batch sums; else its targets, or its rows if it has
	// labels and no targets, are counted. It sets b.Resume where the batch goes on from
	// the recurrent state of the one before. It is called from one goroutine.
	Batch(n int64, b *model.Batch) error
}

// stepBatches is the micro-batches of one step.
type stepBatches struct {
	micro   []*model.Batch
	targets int64
	bytes   int64
	err     error
}

// A batchQueue passes batches from the goroutine that prepares them to the loop,
// and their memory back.
type batchQueue struct{ ready, free chan *stepBatches }

// gather prepares the batches of steps ahead of the loop, one step while the
// loop works on another.
func (l *Loop) gather(from int64, passes int) (c batchQueue, stop func()) {
	const ahead = 2
	c = batchQueue{make(chan *stepBatches, ahead), make(chan *stepBatches, ahead)}
	for range ahead {
		g := &stepBatches{micro: make([]*model.Batch, passes)}
		for i := range g.micro {
			g.micro[i] = new(model.Batch)
		}
		c.free <- g
	}
	quit := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		for step := from; l.Length != nil || step < l.Steps; step++ {
			select {
			case <-quit:
				return
			case g := <-c.free:
				l.fill(g, step*int64(passes))
				c.ready <- g // never blocks: there is room for all
				if g.err != nil {
					return
				}
			}
		}
	})
	return c, func() { close(quit); done.Wait() }
}

// fill makes the micro-batches from number n on, and divides the loss of each
// by the targets of all.
func (l *Loop) fill(g *stepBatches, n int64) {
	g.targets, g.bytes, g.err = 0, 0, nil
	var norm float32
	for i, b := range g.micro {
		b.State, b.Resume, b.Norm = nil, false, 0
		if err := l.Source.Batch(n+int64(i), b); err != nil {
			g.err = fmt.Errorf("micro-batch %d: %w", n+int64(i), err)
			return
		}
		targets, bytes := l.count(b)
		if b.Norm != 0 {
			targets = int64(b.Norm)
		}
		g.targets += targets
		g.bytes += bytes
	}
	norm = float32(g.targets)
	for _, b := range g.micro {
		b.Norm = max(norm, 1)
	}
}

// count returns a batch's targets and their UTF-8 bytes.
func (l *Loop) count(b *model.Batch) (targets, bytes int64) {
	if b.Targets == nil && b.Labels != nil {
		return int64(b.B), 0
	}
	for _, t := range b.Targets {
		if t < 0 {
			continue
		}
		targets++
		if l.Bytes != nil {
			bytes += int64(l.Bytes[t])
		}
	}
	return targets, bytes
}
