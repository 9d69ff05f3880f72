//go:build xla

package tensor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"fragua/model/hlo"
	"fragua/model/xla"
)

// TestOnDevice holds what each operation writes, and its gradients, to the tape.
func TestOnDevice(t *testing.T) {
	client, err := xla.Open(xla.Device{Kind: xla.CPU}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases(rand.New(rand.NewPCG(1, 2)), 4, 6) {
		t.Run(c.name, func(t *testing.T) { c.onDevice(t, client) })
	}
}

func (c opCase) onDevice(t *testing.T, client *xla.Client) {
	tp := NewTape(7)
	tp.Train = true
	for _, x := range c.in {
		clear(x.Grad)
	}
	c.gradient(tp)

	tp = Trace(7, false)
	tp.Train = true
	y := c.f(tp, c.in)
	if len(y.Shape) > 1 {
		total := tp.make(true, 1, 1)
		record(tp, weighted{y: y, total: total, w: weights(y.count())})
		y = total
	}
	g, err := tp.Graph()
	if err != nil {
		t.Fatal(err)
	}
	loss := g.Reshape(g.Value(y))
	var arguments []*xla.Buffer
	var of []*hlo.Value
	var in []*Tensor
	for _, a := range g.Arguments {
		var b *xla.Buffer
		switch {
		case a.Tensor != nil:
			b, err = xla.Put(client, 0, a.Tensor.Data, a.Value.Shape...)
			if a.Tensor.Grad != nil {
				of, in = append(of, a.Value), append(in, a.Tensor)
			}
		case a.Ints != nil:
			b, err = xla.Put(client, 0, a.Ints, a.Value.Shape...)
		default:
			b, err = xla.Put(client, 0, a.Floats, a.Value.Shape...)
		}
		if err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, b)
	}
	text := g.Text(1, append([]*hlo.Value{loss}, g.Gradients(loss, of...)...)...)
	program, err := client.Compile(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	results, err := program.Run([][]*xla.Buffer{arguments})
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range in {
		got := make([]float32, len(x.Grad))
		if err := xla.Get(results[0][1+i], got); err != nil {
			t.Fatal(err)
		}
		if d := distance(got, x.Grad); d > 1e-5 {
			t.Errorf("input %d: gradients differ by %.2g\n%v\n%v", i, d, got, x.Grad)
		}
	}
	if len(in) != len(c.in) {
		t.Error(fmt.Sprint(len(in), " inputs of ", len(c.in), " have gradients"))
	}
}

// distance is ‖x − y‖/‖y‖.
func distance(x, y []float32) float64 {
	diff, size := 0.0, 0.0
	for i := range x {
		diff += math.Pow(float64(x[i]-y[i]), 2)
		size += math.Pow(float64(y[i]), 2)
	}
	return math.Sqrt(diff / math.Max(size, 1e-12))
}
