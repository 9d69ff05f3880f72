package train

import (
	"fmt"
	"math"

	"fragua/model"
	"fragua/model/hlo"
	"fragua/model/tensor"
	"fragua/model/xla"
)

// deviceSteps takes the loop's steps on devices: weights, gradients, moments and the optimizer are
// there. The host sends ids and reads losses.
type deviceSteps struct {
	*resident
	l         *Loop
	optimizer deviceOptimizer
	moments   []Moment
	gradients [][]*xla.Buffer   // of each parameter on each device
	held      [][][]*xla.Buffer // moments: of each moment, parameter and device
	change    *xla.Executable   // of the weights
	stale     bool              // the host's weights and moments are of an earlier step
}

// newDeviceSteps puts the slab's weights and the optimizer's moments on the devices.
func newDeviceSteps(l *Loop) (*deviceSteps, error) {
	o, ok := l.state.(deviceOptimizer)
	if !ok || !o.onDevice() {
		return nil, fmt.Errorf("this optimizer runs on the CPU alone; %s has adamw, muon and sgd", l.Device)
	}
	s := &deviceSteps{resident: newResident(l.Device, l.Seed, l.slab.BF16), l: l, optimizer: o, moments: l.state.Moments()}
	s.held = make([][][]*xla.Buffer, len(s.moments))
	for _, p := range l.slab.Params {
		s.trains[p.Tensor] = true
	}
	zeros := l.slab.New()
	for i, p := range l.slab.Params {
		if err := s.upload([]*tensor.Tensor{p.Tensor}); err != nil {
			return nil, err
		}
		g, err := everywhere(s.client, l.slab.Part(zeros, i), p.Shape...)
		if err != nil {
			return nil, err
		}
		s.gradients = append(s.gradients, g)
		for k, m := range s.moments {
			b, err := everywhere(s.client, l.slab.Part(m.Data, i), p.Shape...)
			if err != nil {
				return nil, err
			}
			s.held[k] = append(s.held[k], b)
		}
	}
	return s, nil
}

// sum implements steps.
func (s *deviceSteps) sum(batches *stepBatches, first uint64) (nll, norm float64, err error) {
	squares := 0.0
	for i, b := range batches.micro {
		s.tape.Step = first + uint64(i)
		b.State = s.l.at.carry
		var plain float64
		if plain, squares, err = s.pass(b, i, len(batches.micro)); err != nil {
			return 0, 0, err
		}
		nll += plain
		s.l.at.carry = b.State
	}
	return nll, math.Sqrt(squares), nil
}

// pass adds the gradients of batch number i of n to those of the step's earlier ones. It returns the
// batch's Σ nll and the squares of the sum.
func (s *deviceSteps) pass(b *model.Batch, i, n int) (nll, squares float64, err error) {
	batches, err := s.parts(b)
	if err != nil {
		return 0, 0, err
	}
	var loss *tensor.Tensor
	t, err := s.trace(s.tape, batches, func(tp *tensor.Tape, b *model.Batch) { loss = s.l.Model.Loss(tp, b).Total })
	defer func() { free(t.owned...) }()
	if err != nil {
		return 0, 0, err
	}
	trains := map[*tensor.Tensor]*hlo.Value{}
	for _, a := range t.Graph.Arguments {
		if a.Tensor != nil && a.Tensor.Grad != nil {
			trains[a.Tensor] = a.Value
		}
	}
	var learn []int // those parameters that the loss depends on
	for i, p := range s.l.slab.Params {
		if trains[p.Tensor] != nil {
			learn = append(learn, i)
		}
	}
	program, err := s.program(fmt.Sprint("gradients of ", n), t, func() []*hlo.Value {
		return s.write(t, t.Reshape(t.Value(loss)), learn, trains, n)
	})
	if err != nil {
		return 0, 0, err
	}
	later, err := everywhere(s.client, []float32{float32(min(i, 1))})
	if err != nil {
		return 0, 0, err
	}
	defer free(later...)
	for d := range t.arguments {
		if n > 1 {
			t.arguments[d] = append(t.arguments[d], later[d])
			for _, i := range learn {
				t.arguments[d] = append(t.arguments[d], s.gradients[i][d])
			}
		}
	}
	results, err := program.Run(t.arguments)
	if err != nil {
		return 0, 0, err
	}
	for d, r := range results {
		for k, i := range learn {
			s.gradients[i][d].Free()
			s.gradients[i][d] = r[k]
		}
	}
	at := len(learn)
	if nll, err = number(results[0][at]); err == nil {
		squares, err = number(results[0][at+1])
	}
	if err == nil {
		err = t.leave(results, at+2)
	}
	for _, r := range results {
		free(r[at:]...)
	}
	b.State = joined(batches)
	return nll, squares, err
}

// write writes the gradients of the parameters that learn, added to those of the step's earlier
// batches if the step has n > 1; then Σ nll, the sum of squares of the gradients, and recurrent states.
func (s *deviceSteps) write(t *traced, loss *hlo.Value, learn []int, trains map[*tensor.Tensor]*hlo.Value, n int) []*hlo.Value {
	var earlier, of []*hlo.Value
	var later *hlo.Value
	if n > 1 {
		later = t.Input(hlo.F32)
	}
	for _, i := range learn {
		p := s.l.slab.Params[i]
		of = append(of, trains[p.Tensor])
		if n > 1 {
			v := t.Input(hlo.F32, p.Shape...)
			t.Donate(v, len(earlier))
			earlier = append(earlier, v)
		}
	}
	devices := s.client.Devices()
	results := t.Gradients(loss, of...)
	squares := t.Constant(hlo.F32, 0)
	for k, g := range results {
		g = t.AllReduce(g, devices)
		if n > 1 {
			zero := t.Constant(hlo.F32, 0, g.Shape...)
			adds := t.Compare("GT", t.Broadcast(later, g.Shape), zero)
			g = t.Add(g, t.Select(adds, earlier[k], zero))
		}
		results[k] = g
		squares = t.Add(squares, t.SumAll(t.Mul(g, g)))
	}
	nll := t.Constant(hlo.F32, 0)
	for _, l := range t.Losses {
		nll = t.Add(nll, t.SumAll(l))
	}
	results = append(results, t.AllReduce(nll, devices), squares)
	for _, r := range t.Results {
		results = append(results, r.Value)
	}
	return results
}

// joined are the recurrent states of batches that were one.
func joined(parts []*model.Batch) [][]float32 {
	if len(parts) == 1 {
		return parts[0].State
	}
	var all [][]float32
	for i := range parts[0].State {
		var s []float32
		for _, b := range parts {
			s = append(s, b.State[i]...)
		}
		all = append(all, s)
	}
	return all
}

// update implements steps.
func (s *deviceSteps) update(rates []float64, scale float32) error {
	s.optimizer.begin()
	var err error
	if s.change == nil {
		if s.change, err = s.client.Compile(s.writeUpdate()); err != nil {
			return err
		}
	}
	params := s.l.slab.Params
	factors := make([]float32, 0, len(params)*maxFactors)
	for i, rate := range rates {
		f := s.optimizer.factors(i, rate)
		factors = append(factors, f[:]...)
	}
	numbers, err := everywhere(s.client, append(factors, scale), len(factors)+1)
	if err != nil {
		return err
	}
	defer free(numbers...)
	var arguments [][]*xla.Buffer
	for d := range s.client.Devices() {
		var row []*xla.Buffer
		for i, p := range params {
			row = append(row, s.weights[p.Tensor][d], s.gradients[i][d])
			for k := range s.moments {
				row = append(row, s.held[k][i][d])
			}
		}
		arguments = append(arguments, append(row, numbers[d]))
	}
	results, err := s.change.Run(arguments)
	if err != nil {
		return err
	}
	s.stale = true
	for d, r := range results {
		for i, p := range params {
			for at, b := range r[i*(1+len(s.moments)):][:1+len(s.moments)] {
				old := &s.weights[p.Tensor][d]
				if at > 0 {
					old = &s.held[at-1][i][d]
				}
				(*old).Free()
				*old = b
			}
		}
	}
	return nil
}

// writeUpdate is the program of the optimizer: weights, gradients and moments of all parameters to
// weights and moments. Where the rate is 0, all stay as they are but an average of the weights.
func (s *deviceSteps) writeUpdate() string {
	p := new(hlo.Program)
	params := s.l.slab.Params
	var all []deviceParam
	for _, q := range params {
		x := deviceParam{weight: p.Input(hlo.F32, q.Shape...), grad: p.Input(hlo.F32, q.Shape...)}
		p.Donate(x.weight, len(all)*(1+len(s.moments)))
		for k := range s.moments {
			m := p.Input(hlo.F32, q.Shape...)
			p.Donate(m, len(all)*(1+len(s.moments))+1+k)
			x.moments = append(x.moments, m)
		}
		all = append(all, x)
	}
	numbers := p.Input(hlo.F32, len(params)*maxFactors+1)
	at := func(i int) *hlo.Value { return p.Reshape(p.Slice(numbers, 0, i, i+1)) }
	scale := at(len(params) * maxFactors)
	var results []*hlo.Value
	for i, x := range all {
		for k := range x.factors {
			x.factors[k] = at(i*maxFactors + k)
		}
		x.grad = p.Mul(x.grad, p.Broadcast(scale, x.grad.Shape))
		next := s.optimizer.emit(p, i, x)
		results = append(append(results, next.weight), next.moments...)
	}
	return p.Text(s.client.Devices(), results...)
}

// fetch implements steps.
func (s *deviceSteps) fetch() error {
	if !s.stale {
		return nil
	}
	slab := s.l.slab
	for i, p := range slab.Params {
		if err := xla.Get(s.weights[p.Tensor][0], p.Data); err != nil {
			return err
		}
		for k, m := range s.moments {
			if err := xla.Get(s.held[k][i][0], slab.Part(m.Data, i)); err != nil {
				return err
			}
		}
	}
	s.stale = false
	return nil
}

// send puts the host's weights on the devices again, after they were exchanged for others.
func (s *deviceSteps) send() error {
	var all []*tensor.Tensor
	for _, p := range s.l.slab.Params {
		all = append(all, p.Tensor)
	}
	return s.upload(all)
}
