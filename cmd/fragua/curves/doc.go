// Package curves keeps the curves of trainings as they grow, where other programs
// can watch them:
//
//	runs/mine/curves.live/base/metrics.jsonl                  a point a line
//	                           events.out.tfevents.fragua     the same for TensorBoard
//
// What flows in are points of a run; what flows out are those two files, and the
// curves again. They are no part of a stage's result, which keeps its curves in
// its metrics: they hold times. No stage can be named like the folder, for a name
// holds no dot.
package curves
