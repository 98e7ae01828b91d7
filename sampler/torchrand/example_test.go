package torchrand_test

import (
	"fmt"

	"odeon/sampler/torchrand"
)

// torch.manual_seed(0), then print(torch.randn(3)) and print(torch.randperm(6)).
func ExampleGenerator() {
	g := torchrand.NewGenerator(0)
	x := make([]float32, 3)
	g.Randn(x)
	fmt.Printf("%.4f\n", x)
	fmt.Println(g.Randperm(6))
	// Output:
	// [1.5410 -0.2934 -2.1788]
	// [1 4 3 5 0 2]
}

// The second sample of a batch of four, at the third draw of its walk. In PyTorch: the third of three torch.randn(4, 5)
// with one generator, row 1.
func ExampleNoise() {
	noise := &torchrand.Noise{Generators: torchrand.Generators{Seed: 42, Samples: 4}}
	x := make([]float32, 5)
	if err := noise.Normals(x, 1, 1, 2); err != nil {
		panic(err)
	}
	fmt.Printf("%.4f\n", x)
	// Output: [-1.3543 -0.4976 0.4747 -2.5095 0.4880]
}
