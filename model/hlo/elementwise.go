package hlo

import (
	"fmt"
	"math"
	"slices"
)

// Constant is a value that is the same number everywhere.
func (p *Program) Constant(t Type, x float64, shape ...int) *Value {
	return p.emit(t, shape, nil, "stablehlo.constant dense<%s> : %s", literal(t, x), typeOf(t, shape))
}

// literal writes a number so that it is read back as the same float32.
func literal(t Type, x float64) string {
	switch {
	case t == I32 || t == U32:
		return fmt.Sprint(int64(x))
	case math.IsInf(x, 0) || math.IsNaN(x):
		return fmt.Sprintf("0x%08X", math.Float32bits(float32(x)))
	}
	return fmt.Sprintf("%.9e", x)
}

func (p *Program) binary(op string, x, y *Value) *Value {
	if !slices.Equal(x.Shape, y.Shape) || x.Type != y.Type {
		panic(fmt.Sprintf("hlo: %s of %v and %v", op, x, y))
	}
	return p.emit(x.Type, x.Shape, []*Value{x, y}, "stablehlo.%s %s, %s : %s", op, x.id, y.id, x)
}

func (p *Program) unary(op string, x *Value) *Value {
	return p.emit(x.Type, x.Shape, []*Value{x}, "stablehlo.%s %s : %s", op, x.id, x)
}

// Add is x + y.
func (p *Program) Add(x, y *Value) *Value {
	z := p.binary("add", x, y)
	z.backward = func(dz *Value) {
		p.give(x, func() *Value { return dz })
		p.give(y, func() *Value { return dz })
	}
	return z
}

// Sub is x − y.
func (p *Program) Sub(x, y *Value) *Value {
	z := p.binary("subtract", x, y)
	z.backward = func(dz *Value) {
		p.give(x, func() *Value { return dz })
		p.give(y, func() *Value { return p.unary("negate", dz) })
	}
	return z
}

// Mul is x·y.
func (p *Program) Mul(x, y *Value) *Value {
	z := p.binary("multiply", x, y)
	z.backward = func(dz *Value) {
		p.give(x, func() *Value { return p.binary("multiply", dz, y) })
		p.give(y, func() *Value { return p.binary("multiply", dz, x) })
	}
	return z
}

// Div is x/y.
func (p *Program) Div(x, y *Value) *Value {
	z := p.binary("divide", x, y)
	z.backward = func(dz *Value) {
		p.give(x, func() *Value { return p.binary("divide", dz, y) })
		p.give(y, func() *Value { return p.unary("negate", p.binary("divide", p.binary("multiply", dz, z), y)) })
	}
	return z
}

// Scale is s·x.
func (p *Program) Scale(x *Value, s float64) *Value {
	return p.Mul(x, p.Constant(x.Type, s, x.Shape...))
}

// Offset is x + s.
func (p *Program) Offset(x *Value, s float64) *Value {
	return p.Add(x, p.Constant(x.Type, s, x.Shape...))
}

// Max is the greater of x and y, to which the gradient goes; at a tie it goes to x.
func (p *Program) Max(x, y *Value) *Value { return p.Select(p.Compare("GE", x, y), x, y) }

// Min is the lesser of x and y, to which the gradient goes; at a tie it goes to x.
func (p *Program) Min(x, y *Value) *Value { return p.Select(p.Compare("LE", x, y), x, y) }

// Stop is x, and a constant to gradients.
func (p *Program) Stop(x *Value) *Value {
	y := *x
	y.requires, y.grad, y.backward = false, nil, nil
	return &y
}

// Exp is eˣ.
func (p *Program) Exp(x *Value) *Value {
	y := p.unary("exponential", x)
	y.backward = func(dy *Value) { p.give(x, func() *Value { return p.binary("multiply", dy, y) }) }
	return y
}

// Log is ln x.
func (p *Program) Log(x *Value) *Value {
	y := p.unary("log", x)
	y.backward = func(dy *Value) { p.give(x, func() *Value { return p.binary("divide", dy, x) }) }
	return y
}

// Sqrt is √x.
func (p *Program) Sqrt(x *Value) *Value {
	y := p.unary("sqrt", x)
	y.backward = func(dy *Value) { p.give(x, func() *Value { return p.Scale(p.binary("divide", dy, y), .5) }) }
	return y
}

// Rsqrt is 1/√x.
func (p *Program) Rsqrt(x *Value) *Value {
	y := p.unary("rsqrt", x)
	y.backward = func(dy *Value) {
		p.give(x, func() *Value {
			return p.Scale(p.binary("multiply", dy, p.binary("multiply", y, p.binary("multiply", y, y))), -.5)
		})
	}
	return y
}

// Tanh is tanh x.
func (p *Program) Tanh(x *Value) *Value {
	y := p.unary("tanh", x)
	y.backward = func(dy *Value) {
		p.give(x, func() *Value {
			return p.binary("multiply", dy, p.binary("subtract", p.Constant(x.Type, 1, x.Shape...), p.binary("multiply", y, y)))
		})
	}
	return y
}

// Sigmoid is 1/(1 + e⁻ˣ).
func (p *Program) Sigmoid(x *Value) *Value {
	y := p.unary("logistic", x)
	y.backward = func(dy *Value) {
		p.give(x, func() *Value {
			return p.binary("multiply", dy, p.binary("multiply", y, p.binary("subtract", p.Constant(x.Type, 1, x.Shape...), y)))
		})
	}
	return y
}

// ReLU is max(x, 0).
func (p *Program) ReLU(x *Value) *Value {
	zero := p.Constant(x.Type, 0, x.Shape...)
	return p.Select(p.Compare("GT", x, zero), x, zero)
}

// SiLU is x·σ(x).
func (p *Program) SiLU(x *Value) *Value { return p.Mul(x, p.Sigmoid(x)) }

// GELU is x·σ(2u), u = √(2/π)(x + 0.044715x³): the tanh form of GPT-2.
func (p *Program) GELU(x *Value) *Value {
	cube := p.Mul(x, p.Mul(x, x))
	return p.Mul(x, p.Sigmoid(p.Scale(p.Add(x, p.Scale(cube, 0.044715)), 2*math.Sqrt(2/math.Pi))))
}

// GELUErf is x·Φ(x), by the polynomial of Abramowitz and Stegun (1964), 7.1.26, that the kernel has;
// its gradient is Φ(x) + x·φ(x).
func (p *Program) GELUErf(x *Value) *Value {
	number := func(c float64) *Value { return p.Constant(x.Type, c, x.Shape...) }
	z := p.Scale(p.unary("abs", x), 1/math.Sqrt2)
	t := p.Div(number(1), p.Offset(p.Scale(z, 0.3275911), 1))
	poly := number(1.061405429)
	for _, c := range []float64{-1.453152027, 1.421413741, -0.284496736, 0.254829592} {
		poly = p.Offset(p.Mul(poly, t), c)
	}
	density := p.Exp(p.unary("negate", p.Mul(z, z)))
	tail := p.Mul(p.Scale(p.Mul(poly, t), .5), density)
	cdf := p.Select(p.Compare("LT", x, number(0)), tail, p.Sub(number(1), tail))
	for _, v := range []*Value{z, t, poly, density, tail, cdf} {
		v.requires = false // the gradient below is the function's, not the polynomial's
	}
	y := p.binary("multiply", x, cdf)
	y.backward = func(dy *Value) {
		p.give(x, func() *Value {
			slope := p.Add(cdf, p.Mul(p.Scale(x, 1/math.Sqrt(2*math.Pi)), density))
			return p.binary("multiply", dy, slope)
		})
	}
	return y
}

// Convert changes the type.
func (p *Program) Convert(x *Value, t Type) *Value {
	if x.Type == t {
		return x
	}
	y := p.emit(t, x.Shape, []*Value{x}, "stablehlo.convert %s : (%s) -> %s", x.id, x, typeOf(t, x.Shape))
	y.backward = func(dy *Value) { p.give(x, func() *Value { return p.Convert(dy, x.Type) }) }
	return y
}

// Compare is x OP y: EQ, NE, GE, GT, LE or LT.
func (p *Program) Compare(op string, x, y *Value) *Value {
	kind := map[Type]string{F32: "FLOAT", BF16: "FLOAT", I32: "SIGNED", U32: "UNSIGNED"}[x.Type]
	if !slices.Equal(x.Shape, y.Shape) || x.Type != y.Type || kind == "" {
		panic(fmt.Sprintf("hlo: comparison of %v and %v", x, y))
	}
	return p.emit(Bool, x.Shape, nil, "stablehlo.compare %s, %s, %s, %s : (%s, %s) -> %s",
		op, x.id, y.id, kind, x, y, typeOf(Bool, x.Shape))
}

// And is x and y, of numbers bit by bit.
func (p *Program) And(x, y *Value) *Value { return p.binary("and", x, y) }

// Xor is either x or y, bit by bit.
func (p *Program) Xor(x, y *Value) *Value { return p.binary("xor", x, y) }

// ShiftRight shifts unsigned numbers by this many bits.
func (p *Program) ShiftRight(x *Value, bits int) *Value {
	return p.binary("shift_right_logical", x, p.Constant(x.Type, float64(bits), x.Shape...))
}

// Select is x where the condition holds, else y.
func (p *Program) Select(condition, x, y *Value) *Value {
	if !slices.Equal(condition.Shape, x.Shape) || !slices.Equal(x.Shape, y.Shape) || x.Type != y.Type {
		panic(fmt.Sprintf("hlo: Select of %v and %v by %v", x, y, condition))
	}
	z := p.emit(x.Type, x.Shape, []*Value{x, y}, "stablehlo.select %s, %s, %s : %s, %s", condition.id, x.id, y.id, condition, x)
	z.backward = func(dz *Value) {
		zero := func() *Value { return p.Constant(dz.Type, 0, dz.Shape...) }
		p.give(x, func() *Value { return p.Select(condition, dz, zero()) })
		p.give(y, func() *Value { return p.Select(condition, zero(), dz) })
	}
	return z
}
