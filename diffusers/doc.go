// Package diffusers knows what the scheduler configurations of the Python library diffusers mean: a class and its options become a path, a
// prediction, the times and noise levels that the class lists, and a solver, from which package sampler builds the plan.
//
//	s, err := diffusers.Parse(json)     // scheduler.go: a scheduler_config.json, or Named("euler"); s.Set("use_karras_sigmas=true")
//	walk, err := s.Walk(25)             // walk.go: what set_timesteps lists, as path, prediction, nodes and solver
//	plan, err := sampler.NewPlan(walk.Model(), walk.Settings)
//
// A class is data: a name, the options that it takes with their defaults and the values that are supported (class.go), and a function that
// makes a Walk of them. trained.go has the classes that step from one trained index to another, levels.go those that step in noise levels,
// dpm.go the DPM-Solvers and their kin (rungs.go), edm.go, flow.go and score.go those of these papers' paths, other.go what is not supported. Nothing
// here runs a network: a class's step is a solver of package sampler.
//
// Lists are computed as diffusers computes them, in float32 or float64 where it does (betas.go, grids.go, spacing.go), since a timestep's
// last digit is what a network is fed. Where diffusers departs from the published method, Scheduler.Published asks for the published one.
//
// Facts about diffusers are those of version 0.38.0.
package diffusers
