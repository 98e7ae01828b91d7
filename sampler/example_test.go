package sampler_test

import (
	"context"
	"fmt"
	"log"
	"math"
	"os"

	"odeon/sampler"
	"odeon/schedule"
)

// A sampler is a table.
func ExampleNewPlan() {
	model := sampler.Model{Path: schedule.CondOT(), Prediction: schedule.Data}
	plan, err := sampler.NewPlan(model, sampler.Settings{Solver: sampler.Heun, Steps: 3})
	if err != nil {
		log.Fatal(err)
	}
	if err := plan.Print(os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output:
	// solver      heun
	// path        condot
	// prediction  data
	// grid        uniform
	// from, to    t=0, t=1
	// start       1 xi
	// steps       3, network calls 5
	//
	// x' = A x + A0 x_base + B0 p_0 + B1 p_1
	//
	// step             t          next         input             A            A0            B0             B1
	//    0  0             0.3333333333  0             0.6666666667  0             0.3333333333
	//    0  0.3333333333  0.3333333333  0.3333333333  0             0.6666666667  0.25          0.08333333333
	//    1  0.3333333333  0.6666666667  0.3333333333  0.5           0             0.5
	//    1  0.6666666667  0.6666666667  0.6666666667  0             0.5           0.5
	//    2  0.6666666667  1             0.6666666667  0             0             1                            by euler: no velocity from data at t=1
}

// An exact field stands where a network would: on the straight path from N(0, 1) to the point 2, the velocity at x is
// (2-x)/(1-t).
func ExampleRun() {
	net := sampler.Func(func(dst, x []float32, at sampler.At) {
		for i, v := range x {
			dst[i] = (2 - v) / (1 - float32(at.T))
		}
	})
	model := sampler.Model{Path: schedule.CondOT(), Prediction: schedule.Velocity}
	plan, err := sampler.NewPlan(model, sampler.Settings{Steps: 10})
	if err != nil {
		log.Fatal(err)
	}
	noise := sampler.Philox{Seed: 1}
	x := sampler.NewState(make([]float32, 3), 3, 0)
	if err := x.Draw(plan, noise); err != nil {
		log.Fatal(err)
	}
	if err := sampler.Run(context.Background(), plan, net, x, noise, nil); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.4f\n", x.X)
	// Output: [2.0000 2.0000 2.0000]
}

// Langevin dynamics in the field of one time: the loop is the same, the field does not move. Here it is that of data
// N(1, 0.5^2); the walk begins far from it.
func ExampleLangevin() {
	net := sampler.Func(func(dst, x []float32, _ sampler.At) {
		for i, v := range x {
			dst[i] = (1 - v) / 0.25
		}
	})
	model := sampler.Model{Path: schedule.CondOT(), Prediction: schedule.Score}
	plan, err := sampler.Langevin(model, 1, 0.005, 300)
	if err != nil {
		log.Fatal(err)
	}
	const n = 20_000
	x := sampler.NewState(make([]float32, n), n, 0)
	for i := range x.X {
		x.X[i] = 3
	}
	if err := sampler.Run(context.Background(), plan, net, x, sampler.Philox{Seed: 1}, nil); err != nil {
		log.Fatal(err)
	}
	mean, std := meanAndStd(x.X)
	fmt.Printf("x' = %.4g x + %.4g s + %.4g xi\n", plan.Rows[0].A, plan.Rows[0].B[0], plan.Rows[0].C)
	fmt.Printf("mean %.1f, standard deviation %.1f\n", mean, std)
	// Output:
	// x' = 1 x + 0.005 s + 0.1 xi
	// mean 1.0, standard deviation 0.5
}

// The Ornstein-Uhlenbeck process forgets where it started: its law tends to N(0, sigma^2/(2 theta)). No network is called.
func ExampleOrnsteinUhlenbeck() {
	plan, err := sampler.OrnsteinUhlenbeck(2, 1, 0.25, 8)
	if err != nil {
		log.Fatal(err)
	}
	const n = 20_000
	x := sampler.NewState(make([]float32, n), n, 0)
	for i := range x.X {
		x.X[i] = 1
	}
	watch := sampler.ObserverFunc(func(row *sampler.Row, x []float32) {
		if row.Step%2 == 1 {
			mean, std := meanAndStd(x)
			fmt.Printf("t=%.1f  mean %.1f  standard deviation %.1f\n", row.Next, mean, std)
		}
	})
	if err := sampler.Run(context.Background(), plan, nil, x, sampler.Philox{Seed: 1}, watch); err != nil {
		log.Fatal(err)
	}
	// Output:
	// t=0.5  mean 0.4  standard deviation 0.5
	// t=1.0  mean 0.1  standard deviation 0.5
	// t=1.5  mean 0.0  standard deviation 0.5
	// t=2.0  mean 0.0  standard deviation 0.5
}

// Guidance between two Gaussians of one width: data N(1, 0.5^2) of a class, N(0, 0.5^2) of all. With the weight w the field is that of
// N(w, 0.5^2): what guidance promises here, it keeps.
func ExampleGuide() {
	field := func(mean float64) sampler.Func {
		return func(dst, x []float32, at sampler.At) {
			t := at.T
			variance := t*t*0.25 + (1-t)*(1-t)
			for i, v := range x {
				dst[i] = float32(mean + (t*0.25-(1-t))/variance*(float64(v)-mean*t))
			}
		}
	}
	model := sampler.Model{Path: schedule.CondOT(), Prediction: schedule.Velocity}
	plan, err := sampler.NewPlan(model, sampler.Settings{Solver: sampler.Heun, Steps: 50})
	if err != nil {
		log.Fatal(err)
	}
	guidance := sampler.Guidance{Weight: 3}
	net := sampler.Guide(sampler.FuncPair{Cond: field(1), Uncond: field(0)}, guidance)
	x := sampler.NewState(make([]float32, 20_000), 20_000, 0)
	if err := x.Draw(plan, sampler.Philox{Seed: 1}); err != nil {
		log.Fatal(err)
	}
	if err := sampler.Run(context.Background(), plan, net, x, nil, nil); err != nil {
		log.Fatal(err)
	}
	mean, std := meanAndStd(x.X)
	fmt.Printf("mean %.1f, standard deviation %.1f, %d evaluations a sample\n", mean, std, sampler.Evaluations(plan, guidance))
	// Output: mean 3.0, standard deviation 0.5, 200 evaluations a sample
}

// Many samples, two in a call, two calls side by side; they arrive in order, and their bits depend on neither number.
func ExampleJob() {
	model := sampler.Model{Path: schedule.CondOT(), Prediction: schedule.Velocity}
	plan, err := sampler.NewPlan(model, sampler.Settings{Steps: 10})
	if err != nil {
		log.Fatal(err)
	}
	job := sampler.Job{
		Plan: plan, N: 5, Dim: 1, Chunk: 2, Workers: 2, Noise: sampler.Philox{Seed: 1},
		Network: func(int) (sampler.Network, error) { // a worker's own: data from N(0, 0.5^2)
			return sampler.Func(func(dst, x []float32, at sampler.At) {
				t := float32(at.T)
				slope := (t*0.25 - (1 - t)) / ((1-t)*(1-t) + t*t*0.25)
				for i, v := range x {
					dst[i] = slope * v
				}
			}), nil
		},
	}
	err = job.Run(context.Background(), func(x []float32, first, n int) error {
		fmt.Printf("%d to %d: %.3f\n", first, first+n-1, x)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 0 to 1: [0.164 -0.071]
	// 2 to 3: [-0.185 0.312]
	// 4 to 4: [-0.317]
}

func meanAndStd(x []float32) (mean, std float64) {
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	for _, v := range x {
		std += (float64(v) - mean) * (float64(v) - mean)
	}
	return mean, math.Sqrt(std / float64(len(x)))
}
