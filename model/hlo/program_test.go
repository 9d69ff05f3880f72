package hlo

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// step is a small training pass that has most operations in it.
func step(replicas int) string {
	p := new(Program)
	table, w := p.Parameter(7, 4), p.Parameter(3, 4)
	ids := p.Input(I32, 5)
	before := p.Input(F32, 3, 4)
	p.Donate(before, 1)
	x := p.Rows(table, ids)
	x = p.Recompute(x, func(x *Value) *Value { return p.Mul(x, p.Sigmoid(x)) })
	z := p.DotNT(x, w, BF16)
	top := p.Greatest(z, 1)
	lse := p.Add(p.Log(p.Sum(p.Exp(p.Sub(z, p.Broadcast(top, z.Shape, 0))), 1)), top)
	loss := p.Scale(p.SumAll(lse), .2)
	g := p.Gradients(loss, table, w)
	return p.Text(replicas, loss, p.Add(before, p.AllReduce(g[1], replicas)), g[0])
}

// TestGolden holds the text of a program to testdata/step.mlir, which the CPU plugins compile.
func TestGolden(t *testing.T) {
	got := step(2)
	want, err := os.ReadFile("testdata/step.mlir")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the program is\n%s", got)
	}
	if got != step(2) {
		t.Error("two writings differ")
	}
}

// TestHash tells programs apart by their text, and by what gradients are wanted of.
func TestHash(t *testing.T) {
	hash := func(f func(p *Program)) uint64 {
		p := new(Program)
		f(p)
		return p.Hash()
	}
	one := func(p *Program) { p.Exp(p.Input(F32, 2)) }
	if first, second := hash(one), hash(one); first != second {
		t.Error("the same program hashes otherwise")
	}
	for name, other := range map[string]func(*Program){
		"another operation": func(p *Program) { p.Log(p.Input(F32, 2)) },
		"another shape":     func(p *Program) { p.Exp(p.Input(F32, 3)) },
		"a parameter":       func(p *Program) { p.Exp(p.Parameter(2)) },
	} {
		if hash(one) == hash(other) {
			t.Errorf("%s hashes the same", name)
		}
	}
}

// TestShapes wants a panic that names both types where operands do not fit.
func TestShapes(t *testing.T) {
	for name, f := range map[string]func(p *Program, x *Value){
		"Add":       func(p *Program, x *Value) { p.Add(x, p.Input(F32, 3, 2)) },
		"types":     func(p *Program, x *Value) { p.Mul(x, p.Input(I32, 2, 3)) },
		"DotNT":     func(p *Program, x *Value) { p.DotNT(x, p.Input(F32, 4, 4), F32) },
		"Reshape":   func(p *Program, x *Value) { p.Reshape(x, 7) },
		"Slice":     func(p *Program, x *Value) { p.Slice(x, 1, 2, 4) },
		"Broadcast": func(p *Program, x *Value) { p.Broadcast(x, []int{2, 3, 4}, 0) },
		"Select":    func(p *Program, x *Value) { p.Select(p.Compare("GT", x, x), x, p.Input(F32, 3)) },
		"Gradients": func(p *Program, x *Value) { p.Gradients(x) },
		"Donate":    func(p *Program, x *Value) { p.Donate(p.Exp(x), 0) },
		"Loop": func(p *Program, x *Value) {
			p.Loop(2, []*Value{x}, func(*Value, []*Value) []*Value { return []*Value{p.SumAll(x)} })
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if s, _ := recover().(string); !strings.HasPrefix(s, "hlo: ") {
					t.Errorf("it said %q", s)
				}
			}()
			p := new(Program)
			f(p, p.Input(F32, 2, 3))
		})
	}
}

// TestConstantsHaveNoGradient: nothing is written for what no gradient is wanted of.
func TestConstantsHaveNoGradient(t *testing.T) {
	p := new(Program)
	x, w := p.Input(F32, 2, 3), p.Parameter(4, 3)
	loss := p.SumAll(p.DotNT(p.Stop(p.Exp(w)), x, F32))
	g := p.Gradients(loss, w)[0]
	if !slices.Equal(g.Shape, []int{4, 3}) || strings.Contains(p.Text(1, g), "multiply") {
		t.Errorf("a stopped gradient flows:\n%s", p.Text(1, g))
	}
}
