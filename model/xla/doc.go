// Package xla compiles StableHLO and runs it on GPUs, TPUs or the CPU, by plugins that implement
// PJRT, XLA's interface to devices (pjrt_c_api.h). It needs neither cgo nor Python, only the plugin's
// shared library, and a build with the tag xla.
//
//	client, err := xla.Open(xla.Device{Kind: "cuda"}, "")
//	program, err := client.Compile(text)          // StableHLO, as package hlo writes it
//	x, err := xla.Put(client, 0, []float32{1, 2}, 2)
//	results, err := program.Run([][]*xla.Buffer{{x}})
//	err = xla.Get(results[0][0], host)
//
// A client has one or more devices of a host; a program runs on all of them at once, each with its own
// arguments, and may sum over them.
package xla
