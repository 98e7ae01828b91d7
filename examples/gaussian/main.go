// Gaussian samples from an exact field: the program of README.md.
package main

import (
	"context"
	"fmt"

	"odeon/sampler"
	"odeon/schedule"
)

func main() {
	// Data at 2 with standard deviation 0.5: on the straight path, x = t z + (1-t) eps, the velocity is known exactly.
	field := sampler.Func(func(dst, x []float32, at sampler.At) {
		t := at.T
		variance := t*t*0.25 + (1-t)*(1-t)
		for i, v := range x {
			dst[i] = float32(2 + (t*0.25-(1-t))/variance*(float64(v)-2*t))
		}
	})
	plan, err := sampler.NewPlan(
		sampler.Model{Path: schedule.CondOT(), Prediction: schedule.Velocity},
		sampler.Settings{Solver: sampler.Heun, Steps: 50},
	)
	if err != nil {
		panic(err)
	}
	noise := sampler.Philox{Seed: 1}
	state := sampler.NewState(make([]float32, 10000), 10000, 0)
	if err := state.Draw(plan, noise); err != nil {
		panic(err)
	}
	if err := sampler.Run(context.Background(), plan, field, state, noise, nil); err != nil {
		panic(err)
	}
	mean := 0.0
	for _, v := range state.X {
		mean += float64(v) / 10000
	}
	fmt.Printf("mean %.1f\n", mean) // mean 2.0
}
