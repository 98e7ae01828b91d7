package data_test

import (
	"fmt"

	"odeon/train/data"
)

// The batch of any step follows from its number.
func Example() {
	set, err := data.Open("moons", data.Options{Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer set.Close()

	const batch, step = 4, 1000
	order := data.NewOrder(set.Len(), 1)
	indices := make([]int64, batch)
	order.Indices(indices, step*batch)

	x := make([]float32, batch*data.Dim(set))
	if err := set.Read(x, nil, indices); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set)
	for k, i := range indices {
		fmt.Printf("sample %d: %5.2f\n", i, x[2*k:2*k+2])
	}

	// Output:
	// moons: endless points [2]
	// sample 4000: [ 0.64 -0.48]
	// sample 4001: [ 0.02  0.36]
	// sample 4002: [ 1.77 -0.08]
	// sample 4003: [ 0.20  1.02]
}

// Every epoch has each sample once.
func ExampleOrder() {
	order := data.NewOrder(6, 0)
	epoch := make([]int64, 6)
	for first := range int64(2) {
		order.Indices(epoch, 6*first)
		fmt.Println(epoch)
	}

	// Output:
	// [5 3 4 1 0 2]
	// [2 5 4 1 0 3]
}
