package train

import (
	"fmt"

	"fragua/model"
	"fragua/model/hlo"
	"fragua/model/tensor"
	"fragua/model/xla"
)

// A resident is a model whose weights lie on the devices of a client, the same on each. What its
// passes do is traced from the model's own forward pass, batch by batch; a program is compiled for
// each pass that differs in more than its numbers.
type resident struct {
	client   *xla.Client
	tape     *tensor.Tape // traces training passes
	weights  map[*tensor.Tensor][]*xla.Buffer
	trains   map[*tensor.Tensor]bool // those of weights that are not to be given up
	read     map[*tensor.Tensor]int  // the last pass that read a weight
	passes   int
	fixed    map[*float32][]*xla.Buffer // tables that never change
	programs map[programKey]*xla.Executable
}

// A programKey tells programs of one resident apart.
type programKey struct {
	use  string
	hash uint64
}

func newResident(c *xla.Client, seed uint64, bf16 bool) *resident {
	tape := tensor.Trace(seed, false)
	tape.Train, tape.BF16 = true, bf16
	return &resident{client: c, tape: tape, weights: map[*tensor.Tensor][]*xla.Buffer{}, trains: map[*tensor.Tensor]bool{}, read: map[*tensor.Tensor]int{},
		fixed: map[*float32][]*xla.Buffer{}, programs: map[programKey]*xla.Executable{}}
}

// everywhere puts numbers on all devices.
func everywhere[T xla.Number](c *xla.Client, data []T, shape ...int) ([]*xla.Buffer, error) {
	out := make([]*xla.Buffer, c.Devices())
	for d := range out {
		var err error
		if out[d], err = xla.Put(c, d, data, shape...); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func free(buffers ...*xla.Buffer) {
	for _, b := range buffers {
		b.Free()
	}
}

// upload replaces what the devices have of weights by what the host has.
func (r *resident) upload(ts []*tensor.Tensor) error {
	for _, t := range ts {
		b, err := everywhere(r.client, t.Data, t.Shape...)
		if err != nil {
			return err
		}
		free(r.weights[t]...)
		r.weights[t] = b
	}
	return nil
}

// sweep gives up frozen tensors that no pass has read for long: a model may make them again each time.
func (r *resident) sweep() {
	const long = 64 // passes
	r.passes++
	for t, last := range r.read {
		if r.passes-last > long && !r.trains[t] {
			free(r.weights[t]...)
			delete(r.weights, t)
			delete(r.read, t)
		}
	}
}

// parts cuts a batch into as many of neighbouring rows as there are devices.
func (r *resident) parts(b *model.Batch) ([]*model.Batch, error) {
	n := r.client.Devices()
	if b.B%n != 0 {
		return nil, fmt.Errorf("a batch of %d rows cannot be shared by %d devices; batch must be a multiple of it", b.B, n)
	}
	list := make([]*model.Batch, n)
	for i := range list {
		list[i] = b.Rows(i*b.B/n, (i+1)*b.B/n)
	}
	return list, nil
}

// A traced pass is its program, and its arguments for each device.
type traced struct {
	*tensor.Graph
	arguments [][]*xla.Buffer
	results   [][]tensor.Result // of each device
	owned     []*xla.Buffer     // those arguments that are for this pass alone
}

// trace writes a pass, done of each device's rows. The graph is that of the first device; the
// others differ in their numbers alone.
func (r *resident) trace(tape *tensor.Tape, batches []*model.Batch, pass func(*tensor.Tape, *model.Batch)) (*traced, error) {
	n := len(batches)
	out := &traced{arguments: make([][]*xla.Buffer, n), results: make([][]tensor.Result, n)}
	r.sweep()
	for d := n - 1; d >= 0; d-- { // the first last: what is written of it reads the tape once more
		tape.Replica = d
		pass(tape, batches[d])
		g, err := tape.Graph()
		tape.Reset()
		if err != nil {
			return out, err
		}
		if d == 0 {
			out.Graph = g
		}
		if out.arguments[d], err = r.arguments(g, d, out); err != nil {
			return out, err
		}
		out.results[d] = g.Results
	}
	return out, nil
}

// arguments puts what a graph reads on device d.
func (r *resident) arguments(g *tensor.Graph, d int, of *traced) (args []*xla.Buffer, err error) {
	for _, a := range g.Arguments {
		var b *xla.Buffer
		switch {
		case a.Tensor != nil:
			if r.weights[a.Tensor] == nil {
				if err := r.upload([]*tensor.Tensor{a.Tensor}); err != nil {
					return nil, err
				}
			}
			b, r.read[a.Tensor] = r.weights[a.Tensor][d], r.passes
		case a.Fixed:
			if r.fixed[&a.Floats[0]] == nil {
				if r.fixed[&a.Floats[0]], err = everywhere(r.client, a.Floats, a.Value.Shape...); err != nil {
					return nil, err
				}
			}
			b = r.fixed[&a.Floats[0]][d]
		case a.Ints != nil:
			b, err = xla.Put(r.client, d, a.Ints, a.Value.Shape...)
			of.owned = append(of.owned, b)
		default:
			b, err = xla.Put(r.client, d, a.Floats, a.Value.Shape...)
			of.owned = append(of.owned, b)
		}
		if err != nil {
			return nil, err
		}
		args = append(args, b)
	}
	return args, nil
}

// program compiles what write makes of the pass, once.
func (r *resident) program(use string, t *traced, write func() (results []*hlo.Value)) (*xla.Executable, error) {
	key := programKey{use, t.Hash()}
	if e := r.programs[key]; e != nil {
		return e, nil
	}
	e, err := r.client.Compile(t.Text(r.client.Devices(), write()...))
	if err != nil {
		return nil, err
	}
	r.programs[key] = e
	return e, nil
}

// number reads one number from a device.
func number(b *xla.Buffer) (float64, error) {
	var x [1]float32
	err := xla.Get(b, x[:])
	return float64(x[0]), err
}

// leave writes recurrent states, which stand at results from number at on, where they belong.
func (t *traced) leave(results [][]*xla.Buffer, at int) error {
	for d, list := range t.results {
		for i, r := range list {
			if err := xla.Get(results[d][at+i], r.Into); err != nil {
				return err
			}
		}
	}
	return nil
}
