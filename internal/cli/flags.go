package cli

import (
	"slices"

	"github.com/urfave/cli/v2"
)

func text(name, usage string, aliases ...string) cli.Flag {
	return &cli.StringFlag{Name: name, Usage: usage, Aliases: aliases}
}

func several(name, usage string, aliases ...string) cli.Flag {
	return &cli.StringSliceFlag{Name: name, Usage: usage, Aliases: aliases}
}

func switched(name, usage string) cli.Flag {
	return &cli.BoolFlag{Name: name, Usage: usage}
}

func inCategory(category string, flags ...cli.Flag) []cli.Flag {
	for _, f := range flags {
		switch f := f.(type) {
		case *cli.StringFlag:
			f.Category = category
		case *cli.StringSliceFlag:
			f.Category = category
		case *cli.BoolFlag:
			f.Category = category
		}
	}
	return flags
}

// cardFlags complete or override the model's card.
func cardFlags() []cli.Flag {
	return inCategory("The model's card, completed or overridden",
		text("card", "a card (JSON) `FILE`"),
		text("prediction", "what the network predicts: velocity, data, noise, score, v, reverse-velocity, or {\"data\": \"a\", \"noise\": \"b\"}"),
		text("path", "condot, cosine, vp(0.1,20), polynomial(2), ve(0.02,100), edm(0.002,80,7), 'alpha=t; beta=sqrt(1-t)', 'betas=linear(1e-4,0.02); count=1000'"),
		text("time", "`FORMULA` for the number that the network is fed: t, 1-t, index, 0.25*log(sigma), ..."),
		text("scale", "`FORMULA` for what the state is multiplied by before the network sees it"),
		text("start", "`FORMULA` for the standard deviation of the state at the first time"),
		text("shape", "one sample's shape without the batch, such as 3,64,64"),
		text("layout", "CHW, HWC, HW, points, L, CL, TCHW or THWC"),
		text("range", "`LO,HI`: the data values that are black and white"),
		text("inputs", "the graph's names of the roles: state=x,time=t,label=y"),
		text("output", "the graph's output `NAME`"),
		text("labels", "classes as JSON: {\"count\": 10, \"encoding\": \"index\", \"null\": -1}"),
		text("decoder", "the decoder's ONNX `FILE`, for models of latents"),
	)
}

// walkFlags say how to walk from the first time to the last.
func walkFlags() []cli.Flag {
	return inCategory("The walk",
		text("steps", "steps of the solver `N` (50)"),
		text("solver", "euler (Euler-Maruyama where sigma is not 0), heun, midpoint, rk4, ddim, ddpm"),
		text("sigma", "diffusion coefficient of the SDE, a `FORMULA` in t, alpha, beta, dalpha, dbeta; 0 is the ODE, forward matches the forward process"),
		text("eta", "noise of ddim, from 0 to 1"),
		text("variance", "ddpm's variance on each step: posterior or beta"),
		text("t-start", "the first `TIME`"),
		text("t-end", "the last `TIME`"),
		text("last", "denoise (finish with a step to the data prediction) or none"),
		text("grid", "uniform, quadratic, shift(3), logsnr, karras(7), leading, trailing, linspace, list(0,0.1,1)"),
		text("indexes", "on a discrete path: exactly these trained indices, noisiest first: 299,284,... or 999-0"),
		text("end-index", "on a discrete path: end in the state at index `I` instead of clean data"),
		text("guidance", "classifier-free weight `W`: uncond + W (cond - uncond)"),
		text("guidance-interval", "guide only strictly inside `A,B`"),
		text("clip", "clip the data prediction to `LO,HI` at every step"),
	)
}

func runtimeFlags() []cli.Flag {
	return inCategory("ONNX Runtime",
		text("provider", "auto, cpu, cuda, tensorrt, openvino, coreml or directml"),
		several("provider-option", "an option of the provider, `K=V`; repeatable"),
		libraryFlag(),
		text("threads", "threads of one network call"),
		text("workers", "network calls side by side"),
		text("batch", "samples in one network call"),
	)
}

func libraryFlag() cli.Flag {
	return text("runtime", "`PATH` of the ONNX Runtime library or its folder")
}

func sampleFlags() []cli.Flag {
	samples := inCategory("Samples",
		text("count", "how many samples `N` (16, or as many as --init holds)", "n"),
		text("seed", "`S`: sample k of a seed is the same whatever the batch, the threads or --first (0)"),
		text("first", "start at sample number `K` of the seed, for shards"),
		text("rng", "the generator: philox"),
		text("label", "classes by number or name: 3, 0-9, 20,21, cat, null"),
		text("init", "`FILE` (.npy, .npz) with the state at the first time, [n, ...]"),
		text("init-noise", "`FILE` with standard normals for the start, [n, ...]"),
		text("noise", "`FILE` with the normals of the steps, [k, n, ...]"),
		several("set", "a further input, `NAME=VALUE` or NAME=@FILE.npy; repeatable"),
		several("set-null", "its value in the unconditional half, `NAME=@FILE.npy`; repeatable"),
		&cli.BoolFlag{Name: "decode", Value: true, Usage: "run the decoder; --decode=false keeps the latents"},
		switched("allow-nonfinite", "keep NaN and infinite samples"),
	)
	output := inCategory("Output",
		several("out", "`FILE`: .png (%d: one a sample), .gif, .apng, .svg, .npy, .npz, .csv, .wav, .txt; repeatable", "o"),
		switched("trajectories", "draw the way of each point faintly behind it"),
		switched("json", "the report as JSON"),
		switched("quiet", "no progress"),
	)
	return slices.Concat(samples, output, walkFlags(), cardFlags(), runtimeFlags())
}
