package cli

import (
	"math"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"odeon/onnx"
)

// The configs of small pipelines, as diffusers writes them.
var pipelineConfigs = map[string]map[string]string{
	"DDPM": {
		"model_index.json":                `{"_class_name": "DDPMPipeline", "scheduler": ["diffusers", "DDPMScheduler"], "unet": ["diffusers", "UNet2DModel"]}`,
		"unet/config.json":                `{"_class_name": "UNet2DModel", "in_channels": 3, "out_channels": 3, "sample_size": 16}`,
		"scheduler/scheduler_config.json": `{"_class_name": "DDPMScheduler", "clip_sample": false}`,
	},
	"DiT": {
		"model_index.json": `{"_class_name": "DiTPipeline", "id2label": {"0": "low, down", "2": "high"}, "scheduler": ["diffusers", "DDIMScheduler"],
			"transformer": ["diffusers", "DiTTransformer2DModel"], "vae": ["diffusers", "AutoencoderKL"]}`,
		"transformer/config.json":         `{"_class_name": "DiTTransformer2DModel", "in_channels": 4, "out_channels": 8, "sample_size": 8, "num_embeds_ada_norm": 3}`,
		"scheduler/scheduler_config.json": `{"_class_name": "DDIMScheduler", "clip_sample": false}`,
		"vae_decoder/config.json":         `{"_class_name": "AutoencoderKL", "scaling_factor": 0.5}`,
	},
}

// pipeline DIR KIND: a diffusers folder as writePipeline makes it.
func pipeline(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || pipelineConfigs[args[1]] == nil {
		ts.Fatalf("usage: pipeline DIR DDPM|DiT")
	}
	ts.Check(writePipeline(ts.MkAbs(args[0]), args[1]))
}

// writePipeline writes a diffusers folder whose network knows the noise exactly. Pixels of DDPM are standard normal, latents of DiT
// normal about -2, 0 or 2 by their class: with betas linear from 1e-4 to 0.02, noise = beta_t (x - alpha_t mean). The second half of
// DiT's channels says that the learned variance is the smaller one, and its decoder shows the first three of four channels.
func writePipeline(folder, kind string) error {
	files := map[string][]byte{}
	for name, text := range pipelineConfigs[kind] {
		files[name] = []byte(text)
	}
	network, decoder := "unet", (*onnx.Graph)(nil)
	g := unetGraph()
	if kind == "DiT" {
		network, g, decoder = "transformer", ditGraph(), decoderGraph()
	}
	for name, g := range map[string]*onnx.Graph{network: g, "vae_decoder": decoder} {
		if g == nil {
			continue
		}
		data, err := g.Bytes()
		if err != nil {
			return err
		}
		files[name+"/model.onnx"] = data
	}
	for name, data := range files {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

var anyBatch = onnx.Free("batch_size")

func unetGraph() *onnx.Graph {
	shape := []onnx.Dim{anyBatch, onnx.Fixed(3), onnx.Free("height"), onnx.Free("width")}
	g := onnx.NewGraph("unet")
	x := g.Input("sample", onnx.Float32, shape...)
	beta, _ := levels(g, g.Input("timestep", onnx.Float32))
	g.Output("out_sample", g.Node("Mul", x, beta), onnx.Float32, shape...)
	return g
}

func ditGraph() *onnx.Graph {
	size := onnx.Fixed(8)
	g := onnx.NewGraph("transformer")
	x := g.Input("hidden_states", onnx.Float32, anyBatch, onnx.Fixed(4), size, size)
	beta, alpha := levels(g, g.Input("timestep", onnx.Int64, anyBatch))
	means := g.Const("means", onnx.Vector[float32](-2, 0, 2, 0))
	mean := g.Node("Mul", alpha, g.Node("Gather", means, g.Input("class_labels", onnx.Int64, anyBatch)))
	each := g.Const("each", onnx.Vector[int64](1, 2, 3))
	noise := g.Node("Mul", g.Node("Unsqueeze", beta, each), g.Node("Sub", x, g.Node("Unsqueeze", mean, each)))
	small := g.Node("Add", g.Node("Mul", noise, g.Const("zero", onnx.Scalar[float32](0))), g.Const("small", onnx.Scalar[float32](-1)))
	g.Output("out_hidden_states", g.Node("Concat", noise, small, onnx.Int("axis", 1)), onnx.Float32, anyBatch, onnx.Fixed(8), size, size)
	return g
}

func decoderGraph() *onnx.Graph {
	g := onnx.NewGraph("decoder")
	z := g.Input("latent_sample", onnx.Float32, anyBatch, onnx.Fixed(4), onnx.Free("h"), onnx.Free("w"))
	cut := g.Node("Slice", z, g.Const("from", onnx.Vector[int64](0)), g.Const("to", onnx.Vector[int64](3)), g.Const("axis", onnx.Vector[int64](1)))
	g.Output("sample", cut, onnx.Float32, anyBatch, onnx.Fixed(3), onnx.Free("h"), onnx.Free("w"))
	return g
}

// levels are beta_t and alpha_t at a timestep.
func levels(g *onnx.Graph, timestep onnx.Ref) (beta, alpha onnx.Ref) {
	const count = 1000
	betas, alphas := make([]float32, count), make([]float32, count)
	bar := 1.0
	for i := range count {
		bar *= 1 - (1e-4 + (0.02-1e-4)*float64(i)/(count-1))
		betas[i], alphas[i] = float32(math.Sqrt(1-bar)), float32(math.Sqrt(bar))
	}
	at := g.Node("Cast", timestep, onnx.Int("to", int64(onnx.Int64)))
	return g.Node("Gather", g.Const("betas", onnx.Vector(betas...)), at), g.Node("Gather", g.Const("alphas", onnx.Vector(alphas...)), at)
}
