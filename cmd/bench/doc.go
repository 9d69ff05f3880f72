// Command bench sets fragua beside its peers: both do the same work on the same
// files in one run, and it prints rates, ratios, and whether the results agree.
//
//	go run ./cmd/bench tokenizer --python .venv/bin/python FILE…
//	go run ./cmd/bench train --python .venv/bin/python --preset a --precision f32
//	go run ./cmd/bench books DIR
//	go run ./cmd/bench quality --python .venv/bin/python --tokens 2000000 BOOK.txt…
//	go run ./cmd/bench webtext --python .venv/bin/python DIR
package main
