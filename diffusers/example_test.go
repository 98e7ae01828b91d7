package diffusers_test

import (
	"fmt"
	"os"
	"strings"

	"odeon/diffusers"
	"odeon/sampler"
)

// A configuration becomes a plan.
func Example() {
	s, err := diffusers.Parse([]byte(`{"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3}`))
	if err != nil {
		panic(err)
	}
	walk, err := s.Walk(3)
	if err != nil {
		panic(err)
	}
	fmt.Println(walk.Timesteps)
	plan, err := sampler.NewPlan(walk.Model(), walk.Settings)
	if err != nil {
		panic(err)
	}
	if err := plan.Print(os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// [1000 751.12109375 8.928571701049805]
	// solver      euler
	// as          diffusers' FlowMatchEulerDiscreteScheduler, which departs from what is published: the shift moves the smallest level twice
	// path        condot
	// prediction  reverse-velocity
	// grid        nodes
	// from, to    t=0, t=1
	// start       1 xi
	// steps       3, network calls 3
	//
	// x' = A x + B0 p_0
	//
	// step             t          next           input  A               B0
	//    0  0             0.2488788962  1000            1  -0.2488788962
	//    1  0.2488788962  0.9910714282   751.1210938    1  -0.7421925319
	//    2  0.9910714282  1                8.928571701  1  -0.008928571828
}

// Options are set as on the command line.
func ExampleScheduler_Set() {
	s, err := diffusers.Named("euler")
	if err != nil {
		panic(err)
	}
	for _, option := range []string{"timestep_spacing=trailing", "use_karras_sigmas=true", "use_karras_sigms=true"} {
		if err := s.Set(option); err != nil {
			fmt.Println(strings.Split(err.Error(), ";")[0])
		}
	}
	fmt.Println(s.Name(), s.Options())
	// Output:
	// EulerDiscreteScheduler: unknown option "use_karras_sigms" (did you mean "use_karras_sigmas"?)
	// EulerDiscreteScheduler [use_karras_sigmas=true timestep_spacing=trailing]
}
