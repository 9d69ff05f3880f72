package model_test

import (
	"context"
	"fmt"
	"log"

	"fragua/model"
	"fragua/model/kernel"
	"fragua/model/tensor"
)

// A GPT learns to count to five, and does.
func Example() {
	arch := &model.GPT{Layers: 1, Heads: 2, Width: 16}
	gpt, err := arch.Build(6, 8, 1) // six ids, eight positions, seed 1
	if err != nil {
		log.Fatal(err)
	}
	batch := &model.Batch{B: 1, T: 8, IDs: []int32{0, 1, 2, 3, 4, 5, 0, 1}, Targets: []int32{1, 2, 3, 4, 5, 0, 1, 2}}

	tape := tensor.NewTape(1)
	for range 300 {
		loss := gpt.Loss(tape, batch)
		tape.Backward(loss.Total)
		for _, p := range gpt.Params() {
			kernel.AXPY(p.Data, -0.1, p.Grad)
			clear(p.Grad)
		}
	}
	for id := range model.Generate(context.Background(), gpt.Decoder(), []int32{0, 1}, 5, nil, model.Sampler{}) {
		fmt.Print(id, " ")
	}
	// Output: 2 3 4 5 0
}
