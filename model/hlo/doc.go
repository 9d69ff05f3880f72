// Package hlo writes programs in StableHLO, the language that XLA's compilers for GPUs, TPUs and
// CPUs read, and differentiates them.
//
// Operations are methods of [Program]; each writes a line, returns its [Value], and knows its
// gradient, which [Program.Gradients] writes in reverse mode:
//
//	p := new(hlo.Program)
//	x, w := p.Input(hlo.F32, 4, 8), p.Parameter(3, 8)
//	loss := p.Sum(p.DotNT(x, w, hlo.F32), 0, 1)
//	text := p.Text(1, loss, p.Gradients(loss, w)[0])
//
// Shapes are static. A program knows nothing of devices: package xla compiles and runs it.
package hlo
