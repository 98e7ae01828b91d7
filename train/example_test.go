package train_test

import (
	"context"
	"fmt"

	"odeon/onnx"
	"odeon/train"
	"odeon/train/data"
	"odeon/train/nn"
	"odeon/train/objective"
)

// A network for two moons, without any library. With Out it would be written, and with Runtime be trained ten times as fast.
func ExampleRun() {
	set, err := data.Open("moons", data.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer set.Close()
	net, err := nn.ParseNet("mlp(width=32, depth=2, time=16)", train.Describe(set, objective.Objective{}))
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := train.Run(context.Background(), train.Settings{
		Data: set, Net: net, Steps: 500, Batch: 128, Rate: 5e-3,
		Session: onnx.SessionOptions{Provider: "go"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Parameters, "parameters,", result.Steps, "steps, the loss is below 1.2:", result.Loss < 1.2)
	// Output: 1730 parameters, 500 steps, the loss is below 1.2: true
}
