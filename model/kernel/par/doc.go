// Package par is what the kernels run on: workers and memory. Loop bodies flow in and run in
// parallel; nothing flows out but what they write. It knows no arithmetic.
//
//	For, Run                  [0, n) cut into chunks ─┬─ the calling goroutine
//	                                                  └─ helpers, started once and kept
//	CallPool, FreeList        argument structs, used again
//	GetScratch, PutScratch    cache-aligned float32 buffers, used again
//	Zeros                     arrays that live long, on huge pages
//
// Two rules hold throughout. Where the chunks begin and end depends on n and the grain alone,
// so results are the same bits for any number of workers. And nothing is allocated once every
// pool has as many values as were in use at once: a training step after the first makes no garbage.
package par
