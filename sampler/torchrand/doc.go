// Package torchrand gives PyTorch's random numbers, and noise made of them for the walks of package sampler.
//
// Where PyTorch says
//
//	generator = torch.Generator().manual_seed(seed)
//	torch.randn(4, 3, 8, 8, generator=generator)
//
// this package says
//
//	generator := torchrand.NewGenerator(seed)
//	generator.Randn(x) // x holds 4*3*8*8 numbers
//
// The way through the package follows a number from its bits to a walk:
//
//   - mersenne.go: the words, from MT19937 (Matsumoto and Nishimura 1998), and any place of their sequence.
//   - generator.go: torch.Generator on a CPU: uniforms, integers and permutations.
//   - normal.go: its normals, by the transform of Box and Muller, of which PyTorch has three forms. A tensor's size and type
//     choose the form, so that the numbers depend on both. cephes.go has the logarithm and the sine of the fastest.
//   - device.go: one call of randn of a seeded generator, read in any part; on a CPU, and on CUDA with Philox 4x32-10
//     (Salmon et al. 2011) in place of MT19937.
//   - noise.go: [Noise], a [sampler.Noise]: the numbers of a pipeline that draws its batch with one generator, or with a
//     generator for each sample. tape.go makes the first of these cheap to read in parts.
//   - seeds.go, brownian.go, tree.go: torchsde's Brownian motion, and [BrownianTree], a sampler.Noise again: what diffusers
//     feeds the SDE form of DPM-Solver.
//
// Sources: PyTorch's ATen/core/MT19937RNGEngine.h (seeding, words), ATen/core/DistributionsHelper.h and
// TransformationHelper.h (uniforms, integers, the scalar normal), ATen/native/cpu/DistributionTemplates.h (normals in blocks
// of 16) and avx_mathfun.h (their logarithm and sine), ATen/native/TensorFactories.cpp (permutations),
// ATen/native/cuda/DistributionTemplates.h (which thread draws which number); cuRAND's documentation of Philox4_32_10 and
// curand_normal4; NumPy's documentation of SeedSequence; torchsde's BrownianInterval (Li et al. 2020, Kidger et al. 2021).
// What is here was written from what these say and checked against numbers that PyTorch 2.15 and torchsde 0.2.6 drew.
//
// PyTorch itself does not promise the same numbers on every machine. Its float32 normals come from AVX2 instructions where a
// processor has them, and these are given bit for bit; on others PyTorch's own differ from them by up to 2e-6, with the same
// uniforms underneath. Normals of fewer than 16 numbers, and those in float64, are made with package math in float64, of
// which an occasional last bit differs between machines.
package torchrand
