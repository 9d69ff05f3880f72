// Package tensor is float32 arrays and the tape that differentiates them.
//
// An operation is a method of [Tape]. It computes its result at once and, when
// the tape records, records a node for the backward pass. In flow tensors, ids
// and targets; out flow tensors and one loss:
//
//	tp := tensor.NewTape(seed)
//	tp.Step, tp.Train = step, true
//	h := tp.Linear(x, w, b)
//	loss := tp.HeadLoss(h, head, targets, tensor.HeadOptions{})
//	tp.Backward(loss.Total) // w.Grad, b.Grad and head.Grad have grown by their gradients
//
// A nil *Tape is inference: nothing is recorded. A Tensor whose Grad is nil is
// frozen, and its gradient costs nothing.
//
// Operations are large (a linear layer with its bias and activation, attention,
// the loss over chunks of the vocabulary), so the tape itself weighs nothing.
//
// # Other devices
//
// On a tape of Trace operations compute nothing. Graph then writes what was done as a program for a
// compiler, each operation by its emit, which stands beside its forward and backward pass.
//
// # Memory
//
// All that operations make lies in the tape's arena, one slab that is laid out
// again each step:
//
//	forward   |x|qkv|att|y|h|gelu|y|…            results stay: the backward pass reads them
//	backward  |x|qkv|att|y|h|gelu| dy | dh |…    a gradient is born when the first operation
//	          |x|qkv|att|y| dy | …               adds to it; it dies, with the result itself,
//	          |x|qkv| …                          when the operation that made it has run backward
//
// From the second step of a shape on nothing is allocated; after Reserve the first has its memory
// at once. A tensor made by a tape is valid until Backward or Reset, the loss until the operation
// after.
package tensor
