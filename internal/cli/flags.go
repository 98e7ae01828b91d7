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
		text("card", "read a card (JSON) from `FILE`"),
		text("prediction", "the network predicts `WHAT`: velocity, data, noise, score, v, reverse-velocity, or {\"data\": \"a\", \"noise\": \"b\"}"),
		text("path", "`PATH` from noise to data: condot, cosine, vp(0.1,20), polynomial(2), ve(0.02,100), edm(0.002,80,7), 'alpha=t; beta=sqrt(1-t)', 'betas=linear(1e-4,0.02); count=1000'"),
		text("time", "`FORMULA` for the number that the network is fed: t, 1-t, index, 0.25*log(sigma), ..."),
		text("scale", "`FORMULA` for what the state is multiplied by before the network sees it"),
		text("start", "`FORMULA` for the standard deviation of the state at the first time"),
		text("shape", "`SHAPE` of one sample without the batch, such as 3,64,64"),
		text("layout", "`ORDER` of the axes: CHW, HWC, HW, points, L, CL, TCHW or THWC"),
		text("range", "data values `LO,HI` are black and white (-1,1)"),
		text("inputs", "`ROLES` of the graph's inputs: state=x,time=t,label=y"),
		text("output", "the prediction is the graph's output `NAME`, or channels of it, NAME[0:3]"),
		text("labels", "classes as `JSON`: {\"count\": 10, \"encoding\": \"index\", \"null\": -1}"),
		text("decoder", "decode latents with the ONNX `FILE`"),
		text("rate", "audio has `N` samples a second"),
		text("fps", "video has `N` pictures a second"),
		text("scheduler", "the network is sampled by the diffusers scheduler `NAME or FILE`: euler, ddim, DPMSolverMultistepScheduler, ..., or a scheduler_config.json"),
		several("scheduler-option", "set `K=V`, an option of the diffusers scheduler's configuration, or an argument of its set_timesteps or step; repeatable"),
	)
}

// walkFlags say how to walk from the first time to the last.
func walkFlags() []cli.Flag {
	return inCategory("The walk from noise to data", slices.Concat([]cli.Flag{text("steps", "take `N` steps (50, or the card's)")}, solverFlags(), []cli.Flag{
		text("grid", "`NAME` of the times to step at: uniform, quadratic, shift(3), dynamic(1024), logsnr, exponential, polyexponential(1.5), karras(7), beta(0.6,0.6), leading, trailing, linspace, list(0,0.1,1), sigmas(80,1,0)"),
		text("sigma", "diffusion coefficient of the SDE, a `FORMULA` in t, alpha, beta, dalpha, dbeta; 0 is the ODE, forward matches the forward process"),
		text("eta", "noise `E` of ddim and of the exponential solvers: 0 none, 1 as much as ddpm"),
		text("variance", "ddpm draws noise of variance `NAME`: posterior or beta"),
		text("t-start", "start at `TIME` (0, which is noise)"),
		text("t-end", "end at `TIME` (1, which is data)"),
		text("last", "`HOW` to take the last step: denoise (to the data prediction), none (as all others), mean (without its noise) or ode"),
		text("indexes", "on a discrete path, call the network at exactly the trained indices `I,J,...`, noisiest first: 299,284,... or 999-0"),
		text("end-index", "on a discrete path, end in the state at index `I` instead of clean data"),
		text("strength", "from given data, take the share `S` of the walk, its last steps: above 0, up to 1"),
		switched("invert", "walk from given data to noise, by the same steps backwards, and from there back to data"),
		text("resample", "walk every step `R` times, or every J steps together, R,J, noised again in between"),
		text("clip", "clip the data prediction to `LO,HI` at every step"),
		text("threshold", "clip each sample's data prediction to the quantile `P[,MAX]` of its absolute values where that is above 1, and divide by it"),
		text("as", "where diffusers departs from a published method, walk as `WHICH`: diffusers, or published"),
	}, guideFlags())...)
}

func runtimeFlags() []cli.Flag {
	return inCategory("ONNX Runtime",
		text("provider", "run on `NAME`: auto, cpu, cuda, tensorrt, openvino, coreml, directml, or go, which needs no library"),
		several("provider-option", "set an option of the provider, `K=V`; repeatable"),
		libraryFlag(),
		text("batch", "put `N` samples in one network call; without it, and without the next two, Odeon chooses"),
		text("workers", "run `N` network calls side by side"),
		text("threads", "run each network call on `N` threads"),
	)
}

func libraryFlag() cli.Flag {
	return text("runtime", "use the ONNX Runtime library at `PATH`, a file or its folder")
}

func sampleFlags() []cli.Flag {
	samples := inCategory("Samples",
		text("count", "draw `N` samples (16, or the card's, or as many as --init holds)", "n"),
		text("seed", "use seed `S` (0): the noise of sample k is the same whatever the batch, the threads or --first"),
		text("first", "start at sample number `K` of the seed, for shards; classes and rows of --set count from 0 there"),
		text("label", "draw `CLASSES` by number or name: 3, 0-9, 20,21, cat, null; without it all of them in turn"),
		several("from", "begin in the data of `FILE`: a picture, a folder of pictures, names with %d, or an array [n, ...] (.npy, .npz); with --strength, --mask or --invert; repeatable"),
		several("mask", "keep what --from gives but where `FILE` is 1 (white), which is painted: a picture, or an array of a sample's shape; repeatable"),
		text("invert-label", "with --invert, the `CLASSES` on the way to noise; without it those of --label"),
		text("init", "start from the states [n, ...] in `FILE` (.npy, .npz)"),
		text("init-noise", "start from the standard normals [n, ...] in `FILE`"),
		text("noise", "take the normals of the steps, [k, n, ...], from `FILE`"),
		several("set", "give a further input, `NAME=VALUE` or NAME=@FILE.npy; repeatable"),
		several("set-null", "its value in the unconditional half, `NAME=@FILE.npy`; repeatable"),
		&cli.BoolFlag{Name: "decode", Value: true, Usage: "run the decoder, where there is one; --decode=false keeps the latents"},
		text("rng", "the random generator `NAME`: philox; torch or torch-cuda, which give PyTorch's normals on a CPU or on CUDA"),
		text("torch-seeds", "`WHICH` of PyTorch's generators: batch, one that draws all samples at once, so that they depend on -n; or sample, that of seed S+k for sample k"),
		switched("allow-nonfinite", "keep NaN and infinite samples"),
	)
	output := inCategory("Output",
		several("out", "write `FILE`: .png (%d in the name: a file a sample), .gif or .apng (the walk), .svg, .npy, .npz, .csv, .wav, .txt; repeatable", "o"),
		text("save-plan", "write the plan that was walked to `FILE`, for --plan; under --tolerance that of the sample with the most steps"),
		switched("trajectories", "show the way: faint lines behind points, a strip for each picture, all states in .npz"),
		switched("json", "report as one line of JSON"),
		switched("quiet", "no progress, no notes; warnings stay, unless --json reports them"),
	)
	return slices.Concat(samples, output, planFlag(), walkFlags(), cardFlags(), runtimeFlags())
}
