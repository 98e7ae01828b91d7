package models

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/onnx"
)

// Files of a pipeline as diffusers writes them, as far as Odeon reads them.
const (
	ddpmIndex = `{"_class_name": "DDPMPipeline", "_diffusers_version": "0.38.0", "scheduler": ["diffusers", "DDPMScheduler"], "unet": ["diffusers", "UNet2DModel"]}`
	ddpmUNet  = `{"_class_name": "UNet2DModel", "in_channels": 3, "out_channels": 3, "sample_size": 8, "num_class_embeds": null, "act_fn": "silu"}`
	ddpmBetas = `{"_class_name": "DDPMScheduler", "num_train_timesteps": 1000, "beta_schedule": "linear", "prediction_type": "v_prediction", "clip_sample": false}`

	ditIndex = `{"_class_name": "DiTPipeline", "id2label": {"0": "tench, Tinca tinca", "2": "crane", "3": "crane"}, "scheduler": ["diffusers", "DDIMScheduler"],
		"transformer": ["diffusers", "DiTTransformer2DModel"], "vae": ["diffusers", "AutoencoderKL"]}`
	ditNetwork = `{"_class_name": "DiTTransformer2DModel", "in_channels": 4, "out_channels": 8, "sample_size": 8, "num_embeds_ada_norm": 5}`
	ditBetas   = `{"_class_name": "DDIMScheduler", "beta_schedule": "linear", "clip_sample": false}`
	ditVAE     = `{"_class_name": "AutoencoderKL", "scaling_factor": 1.5, "shift_factor": null}`
)

// unetONNX predicts nothing of the state: a graph with a unet's names, [b, 3, h, w].
func unetONNX(t testing.TB) string {
	t.Helper()
	batch := onnx.Free("batch_size")
	g := onnx.NewGraph("unet")
	x := g.Input("sample", onnx.Float32, batch, onnx.Fixed(3), onnx.Free("height"), onnx.Free("width"))
	clock := g.Input("timestep", onnx.Float32)
	g.Output("out_sample", g.Node("Mul", x, g.Node("Mul", clock, g.Const("none", onnx.Scalar[float32](0)))), onnx.Float32,
		batch, onnx.Free("channels"), onnx.Free("height"), onnx.Free("width"))
	return encoded(t, g)
}

// ditONNX has a DiT's names: twice as many channels out as in, and a class.
func ditONNX(t testing.TB) string {
	t.Helper()
	batch := onnx.Free("batch_size")
	g := onnx.NewGraph("dit")
	x := g.Input("hidden_states", onnx.Float32, batch, onnx.Fixed(4), onnx.Fixed(8), onnx.Fixed(8))
	clock, label := g.Input("timestep", onnx.Int64, batch), g.Input("class_labels", onnx.Int64, batch)
	told := g.Node("Cast", g.Node("Add", clock, label), onnx.Int("to", int64(onnx.Float32)))
	bias := g.Node("Unsqueeze", g.Node("Mul", told, g.Const("none", onnx.Scalar[float32](0))), g.Const("axes", onnx.Vector[int64](1, 2, 3)))
	g.Output("out_hidden_states", g.Node("Concat", g.Node("Add", x, bias), x, onnx.Int("axis", 1)), onnx.Float32, batch, onnx.Fixed(8), onnx.Fixed(8), onnx.Fixed(8))
	return encoded(t, g)
}

// decoderONNX takes the first three of four channels.
func decoderONNX(t testing.TB) string {
	t.Helper()
	batch := onnx.Free("batch_size")
	g := onnx.NewGraph("vae")
	z := g.Input("latent_sample", onnx.Float32, batch, onnx.Fixed(4), onnx.Free("h"), onnx.Free("w"))
	cut := g.Node("Slice", z, g.Const("from", onnx.Vector[int64](0)), g.Const("to", onnx.Vector[int64](3)), g.Const("axis", onnx.Vector[int64](1)))
	g.Output("sample", cut, onnx.Float32, batch, onnx.Fixed(3), onnx.Free("h"), onnx.Free("w"))
	return encoded(t, g)
}

func encoded(t testing.TB, g *onnx.Graph) string {
	t.Helper()
	data, err := g.Bytes()
	require.NoError(t, err)
	return string(data)
}

// pipelineFolder writes a folder of these files; "" leaves one out.
func pipelineFolder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a folder")
	for name, text := range files {
		if text == "" {
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

func ddpmFiles(t testing.TB) map[string]string {
	return map[string]string{
		"model_index.json": ddpmIndex, "unet/model.onnx": unetONNX(t), "unet/config.json": ddpmUNet, "scheduler/scheduler_config.json": ddpmBetas,
	}
}

func ditFiles(t testing.TB) map[string]string {
	return map[string]string{
		"model_index.json": ditIndex, "transformer/model.onnx": ditONNX(t), "transformer/config.json": ditNetwork, "scheduler/scheduler_config.json": ditBetas,
		"vae_decoder/model.onnx": decoderONNX(t), "vae_decoder/config.json": ditVAE,
	}
}

// with changes some of the files.
func with(files, changed map[string]string) map[string]string {
	for name, text := range changed {
		files[name] = text
	}
	return files
}

func TestADiffusersFolderIsAModel(t *testing.T) {
	dir := pipelineFolder(t, ddpmFiles(t))
	for _, arg := range []string{dir, dir + string(filepath.Separator), filepath.Join(dir, "model_index.json")} {
		m, err := Open(arg)
		require.NoError(t, err)
		r := Resolve(m)
		require.NoError(t, r.Err())
		require.Equal(t, "a folder", m.Name)
		require.Equal(t, filepath.Clean(dir), filepath.Clean(m.Path()))
		require.Equal(t, []int{3, 8, 8}, r.Shape)
		require.Equal(t, CHW, r.Layout)
		require.Equal(t, "v", r.Prediction.String())
		require.Equal(t, "betas=linear(0.0001,0.02); count=1000", r.Path.String())
		require.Equal(t, map[string]string{"steps": "1000"}, m.Card.Sampling.Texts())
		require.Equal(t, "DDPMScheduler", m.Scheduler.Name())
		require.Nil(t, r.Label)
		require.Empty(t, r.Guesses)
	}
}

func TestADiTFolderHasClassesAndADecoder(t *testing.T) {
	m, err := Open(pipelineFolder(t, ditFiles(t)))
	require.NoError(t, err)
	r := Resolve(m)
	require.NoError(t, r.Err())
	require.Equal(t, []string{"tench, Tinca tinca", "1", "crane", "crane (3)", "4"}, r.Labels.Names)
	require.Equal(t, &Null{Index: 5}, r.Labels.Null)
	require.NoError(t, r.CanGuide())
	require.Equal(t, &Slice{Outer: 1, Channels: 8, Inner: 64, From: 0, To: 4}, r.Slice)
	require.Equal(t, 1.5, r.Decode.Scale)
	require.Zero(t, r.Decode.Shift)
	require.Equal(t, map[string]string{"steps": "50", "guidance": "4"}, m.Card.Sampling.Texts())
	require.Empty(t, r.Guesses)
	require.Empty(t, m.Notes)
	tench, err := r.Labels.Parse("tench,4")
	require.NoError(t, err)
	require.Equal(t, []int{0, 4}, tench)
}

// moved puts files under other names.
func moved(files map[string]string, names ...string) map[string]string {
	for i := 0; i < len(names); i += 2 {
		files[names[i+1]] = files[names[i]]
		delete(files, names[i])
	}
	return files
}

func TestFilesOfAPipelineMayLieWhereOthersPutThem(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"all in one folder":        moved(ddpmFiles(t), "unet/model.onnx", "model.onnx", "unet/config.json", "config.json", "scheduler/scheduler_config.json", "scheduler_config.json"),
		"of another name":          moved(ddpmFiles(t), "unet/model.onnx", "unet/network.onnx"),
		"named after the part":     moved(ditFiles(t), "transformer/model.onnx", "transformer.onnx", "vae_decoder/model.onnx", "vae_decoder.onnx"),
		"decoder beside encoder":   moved(ditFiles(t), "vae_decoder/model.onnx", "vae/decoder.onnx", "vae_decoder/config.json", "vae/config.json"),
		"beside other networks":    with(ddpmFiles(t), map[string]string{"unet/small.onnx": "no network"}),
		"weights for Python there": with(ddpmFiles(t), map[string]string{"unet/diffusion_pytorch_model.safetensors": "weights"}),
	} {
		m, err := Open(pipelineFolder(t, files))
		require.NoError(t, err, name)
		require.NoError(t, Resolve(m).Err(), name)
	}
}

func TestAPipelineMakesTheSchedulerThatItsClassSays(t *testing.T) {
	files := with(ddpmFiles(t), map[string]string{"model_index.json": strings.ReplaceAll(ddpmIndex, "DDPMPipeline", "DDIMPipeline")})
	m, err := Open(pipelineFolder(t, files))
	require.NoError(t, err)
	require.Equal(t, "DDIMScheduler", m.Scheduler.Name(), "as DDIMPipeline does of any scheduler's config")
	require.Equal(t, map[string]string{"steps": "50"}, m.Card.Sampling.Texts())
}

// Each class of pipelines opens, with the defaults of its own call.
func TestEveryClassOfPipelinesOpens(t *testing.T) {
	batch := onnx.Free("batch_size")
	g := onnx.NewGraph("sound")
	x := g.Input("sample", onnx.Float32, batch, onnx.Fixed(2), onnx.Free("length"))
	g.Output("out_sample", g.Node("Mul", x, g.Input("timestep", onnx.Float32)), onnx.Float32, batch, onnx.Fixed(2), onnx.Free("length"))
	sound := encoded(t, g)
	consistency := map[string]string{
		"unet/config.json":                `{"in_channels": 3, "sample_size": 64, "num_class_embeds": 10}`,
		"scheduler/scheduler_config.json": `{"_class_name": "CMStochasticIterativeScheduler", "num_train_timesteps": 40}`,
	}
	latent := map[string]string{
		"unet/config.json": `{"in_channels": 3, "sample_size": [8, 16]}`, "vqvae/config.json": `{"_class_name": "VQModel"}`, "vae_decoder/model.onnx": latentONNX(t),
		"scheduler/scheduler_config.json": `{"_class_name": "DDIMScheduler"}`,
	}
	audio := map[string]string{
		"unet/model.onnx": sound, "unet/config.json": `{"in_channels": 2, "sample_size": 4096, "sample_rate": 16000}`,
		"scheduler/scheduler_config.json": `{"_class_name": "DDPMScheduler"}`,
	}
	for class, c := range map[string]struct {
		changed   map[string]string
		scheduler string
		shape     []int
		notes     int
	}{
		"DDPMPipeline":             {nil, "DDPMScheduler", []int{3, 8, 8}, 0},
		"DDIMPipeline":             {nil, "DDIMScheduler", []int{3, 8, 8}, 0},
		"PNDMPipeline":             {nil, "PNDMScheduler", []int{3, 8, 8}, 1}, // which has no clip_sample
		"ConsistencyModelPipeline": {consistency, "CMStochasticIterativeScheduler", []int{3, 64, 64}, 0},
		"DanceDiffusionPipeline":   {audio, "DDPMScheduler", []int{2, 4096}, 0},
		"LDMPipeline":              {latent, "DDIMScheduler", []int{3, 8, 16}, 1}, // no scaling_factor
	} {
		t.Run(class, func(t *testing.T) {
			index := fmt.Sprintf(`{"_class_name": %q}`, class)
			m, err := Open(pipelineFolder(t, with(with(ddpmFiles(t), c.changed), map[string]string{"model_index.json": index})))
			require.NoError(t, err)
			r := Resolve(m)
			require.NoError(t, r.Err())
			require.Equal(t, c.scheduler, m.Scheduler.Name())
			require.Equal(t, c.shape, r.Shape)
			require.Len(t, m.Notes, c.notes, m.Notes)
			require.Contains(t, m.Card.Sampling.Texts(), "steps")
			if class == "DanceDiffusionPipeline" {
				require.Equal(t, CL, r.Layout)
				require.Equal(t, 16000.0, *r.Card.Rate)
			}
			if class == "LDMPipeline" {
				require.Equal(t, 0.18215, r.Decode.Scale)
			}
		})
	}
}

// latentONNX decodes three channels as they are.
func latentONNX(t testing.TB) string {
	t.Helper()
	shape := []onnx.Dim{onnx.Free("b"), onnx.Fixed(3), onnx.Free("h"), onnx.Free("w")}
	g := onnx.NewGraph("decoder")
	g.Output("sample", g.Node("Identity", g.Input("latent_sample", onnx.Float32, shape...)), onnx.Float32, shape...)
	return encoded(t, g)
}

// A card beside the network or beside model_index.json completes what the folder says, and a scheduler's layer replaces the folder's whole.
func TestLaterLayersReplaceWhatAFolderSays(t *testing.T) {
	files := with(ddpmFiles(t), map[string]string{"card.json": `{"range": [0, 1], "sampling": {"steps": 20}}`})
	m, err := Open(pipelineFolder(t, files), Layer{From: "the command line", Card: &Card{Shape: []int{3, 16, 16}}, Own: true})
	require.NoError(t, err)
	r := Resolve(m)
	require.NoError(t, r.Err())
	require.Equal(t, [2]float64{0, 1}, r.Range)
	require.Equal(t, []int{3, 16, 16}, r.Shape)
	require.Equal(t, map[string]string{"steps": "20"}, m.Card.Sampling.Texts())

	dir := pipelineFolder(t, with(ddpmFiles(t), map[string]string{"scheduler/scheduler_config.json": `{"_class_name": "Nonsense"}`}))
	other, err := Open(pipelineFolder(t, ditFiles(t)))
	require.NoError(t, err)
	m, err = Open(dir, Layer{From: "--scheduler", Card: &Card{Path: []byte(`"condot"`), Prediction: &Prediction{Name: "velocity"}}, Scheduler: other.Scheduler})
	require.NoError(t, err, "a scheduler that is replaced is not read")
	require.Equal(t, "DDIMScheduler", m.Scheduler.Name())
	require.Equal(t, "--scheduler", m.From["path"])
}

func TestWhatIsWrongWithAFolderIsOneMessage(t *testing.T) {
	sd := `{"_class_name": "StableDiffusionPipeline", "scheduler": ["diffusers", "PNDMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
		"tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"], "safety_checker": [null, null]}`
	long := `{"_class_name": "` + strings.Repeat("x", 10000) + `"}`
	huge := `{"_class_name": "` + strings.Repeat("x", cardLimit) + `"}`
	for name, c := range map[string]struct {
		files, changed map[string]string
		says           string
	}{
		"text":              {ddpmFiles(t), map[string]string{"model_index.json": sd}, "found a StableDiffusionPipeline, which makes samples from text (text_encoder, tokenizer), and text to image is not supported yet; its network alone can be sampled, given what else it takes: odeon sample "},
		"another condition": {ddpmFiles(t), map[string]string{"model_index.json": strings.Replace(ddpmIndex, "{", `{"image_encoder": ["transformers", "CLIPVisionModel"],`, 1)}, "with image_encoder, and networks beside"},
		"unknown class":     {ddpmFiles(t), map[string]string{"model_index.json": strings.Replace(ddpmIndex, "DDPMP", "DDDPMP", 1)}, `found a DDDPMPipeline (did you mean "DDPMPipeline"?), and pipelines`},
		"another loop":      {ddpmFiles(t), map[string]string{"model_index.json": strings.Replace(ddpmIndex, "DDPMPipeline", "RePaintPipeline", 1), "unet/model.onnx": ""}, "export its network to ONNX"},
		"no class":          {ddpmFiles(t), map[string]string{"model_index.json": `{"unet": ["diffusers", "UNet2DModel"]}`}, `no "_class_name"`},
		"class of no text":  {ddpmFiles(t), map[string]string{"model_index.json": `{"_class_name": ["pipeline", "Own"]}`}, `"_class_name": found ["pipeline", "Own"], expected the name of a pipeline's class`},
		"no JSON":           {ddpmFiles(t), map[string]string{"model_index.json": "DDPMPipeline"}, "model_index.json: line 1, column 1: not valid JSON"},
		"a list":            {ddpmFiles(t), map[string]string{"model_index.json": "[]"}, "model_index.json: found [], expected an object"},
		"long":              {ddpmFiles(t), map[string]string{"model_index.json": long}, "found a text, expected the name of a pipeline's class"},
		"huge":              {ddpmFiles(t), map[string]string{"model_index.json": huge}, "more than the 4194304 bytes"},
		"deep":              {ddpmFiles(t), map[string]string{"model_index.json": strings.Repeat("[", 1<<20)}, "not valid JSON"},
		"labels":            {ditFiles(t), map[string]string{"model_index.json": strings.Replace(ditIndex, `"0"`, `"1e9"`, 1)}, `field "id2label": found a class "1e9", expected numbers from 0`},
		"label":             {ditFiles(t), map[string]string{"model_index.json": strings.Replace(ditIndex, `"crane"`, `[]`, 1)}, `field "id2label.2": found [], expected a text`},
		"no network":        {ddpmFiles(t), map[string]string{"unet/model.onnx": ""}, "found no ONNX file, expected the network as"},
		"only weights": {ddpmFiles(t), map[string]string{"unet/model.onnx": "", "unet/diffusion_pytorch_model.safetensors": "weights"},
			"found weights for Python (diffusion_pytorch_model.safetensors) and no ONNX file"},
		"two networks":    {moved(ddpmFiles(t), "unet/model.onnx", "unet/a.onnx"), map[string]string{"unet/b.onnx": "b"}, "found 2 ONNX files in"},
		"no scheduler":    {ddpmFiles(t), map[string]string{"scheduler/scheduler_config.json": ""}, "found no scheduler, expected"},
		"bad scheduler":   {ddpmFiles(t), map[string]string{"scheduler/scheduler_config.json": "{"}, "scheduler_config.json: "},
		"what scheduler":  {ddpmFiles(t), map[string]string{"model_index.json": strings.Replace(ddpmIndex, "DDPMScheduler", "DDPPMScheduler", 1)}, `(did you mean "DDPMScheduler"?)`},
		"channels":        {ddpmFiles(t), map[string]string{"unet/config.json": `{"in_channels": "three"}`}, `config.json: field "in_channels": found "three", expected a whole number`},
		"size":            {ddpmFiles(t), map[string]string{"unet/config.json": `{"in_channels": 3, "sample_size": [8, -8]}`}, `field "sample_size[1]": found -8`},
		"vast size":       {ddpmFiles(t), map[string]string{"unet/config.json": `{"in_channels": 3, "sample_size": 2000000000}`}, "no size that samples can have"},
		"scale":           {ditFiles(t), map[string]string{"vae_decoder/config.json": `{"scaling_factor": 0}`}, `field "scaling_factor": found 0`},
		"no decoder":      {ditFiles(t), map[string]string{"vae_decoder/model.onnx": ""}, "no file "},
		"size left open":  {ddpmFiles(t), map[string]string{"unet/config.json": ""}, "the graph leaves the shape of a sample open"},
		"not the network": {ddpmFiles(t), map[string]string{"unet/model.onnx": "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\n"}, "git lfs pull"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := pipelineFolder(t, with(c.files, c.changed))
			m, err := Open(dir)
			if err == nil {
				err = Resolve(m).Err()
			}
			require.ErrorContains(t, err, c.says)
			require.Contains(t, err.Error(), dir)
			require.Less(t, len(err.Error()), 2000)
		})
	}
}

// A link may lead to another place in the folder, and in the hub's cache to a blob; nowhere else.
func TestLinksStayInsideTheFolder(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.WriteFile(outside, []byte(ddpmBetas), 0o644))
	for name, at := range map[string]string{
		"scheduler": "scheduler/scheduler_config.json", "network": "unet/model.onnx", "config": "unet/config.json", "index": "model_index.json",
	} {
		t.Run(name, func(t *testing.T) {
			dir := pipelineFolder(t, ddpmFiles(t))
			link := filepath.Join(dir, filepath.FromSlash(at))
			for _, to := range []string{outside, "/dev/zero", "../../../../../../../../../../../etc/passwd"} {
				require.NoError(t, os.Remove(link))
				if err := os.Symlink(to, link); err != nil {
					t.Skip("no symbolic links here:", err)
				}
				_, err := Open(dir)
				require.ErrorContains(t, err, "outside the folder")
			}
			require.NoError(t, os.Remove(link))
			require.NoError(t, os.Symlink("nowhere", link))
			_, err := Open(dir)
			require.ErrorContains(t, err, "a link to a file that is not there")
			require.NoError(t, os.Remove(link))
			require.NoError(t, os.Symlink(filepath.Base(link), link))
			_, err = Open(dir)
			require.Error(t, err, "a link to itself")
		})
	}

	// A whole part that is a link out of the folder.
	dir := pipelineFolder(t, ddpmFiles(t))
	require.NoError(t, os.Rename(filepath.Join(dir, "unet"), filepath.Join(filepath.Dir(outside), "unet")))
	require.NoError(t, os.Symlink(filepath.Join(filepath.Dir(outside), "unet"), filepath.Join(dir, "unet")))
	_, err := Open(dir)
	require.ErrorContains(t, err, "outside the folder")
}

func TestTheHubsCacheIsAFolderOfLinks(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "models--a--b")
	snapshot := filepath.Join(cache, "snapshots", "1234")
	require.NoError(t, os.MkdirAll(filepath.Join(cache, "blobs"), 0o755))
	n := 0
	for name, text := range ddpmFiles(t) {
		blob := filepath.Join(cache, "blobs", fmt.Sprint("blob", n))
		n++
		require.NoError(t, os.WriteFile(blob, []byte(text), 0o644))
		path := filepath.Join(snapshot, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		to, err := filepath.Rel(filepath.Dir(path), blob)
		require.NoError(t, err)
		if err := os.Symlink(to, path); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	m, err := Open(snapshot)
	require.NoError(t, err)
	require.NoError(t, Resolve(m).Err())
}

// FuzzPipeline checks that no model_index.json and no config.json makes a folder panic, and that what they say of classes holds.
func FuzzPipeline(f *testing.F) {
	f.Add([]byte(ddpmIndex), []byte(ddpmUNet))
	f.Add([]byte(ditIndex), []byte(ditNetwork))
	f.Add([]byte(`{"_class_name": "DiTPipeline", "id2label": {"1048575": "", "-0": "a"}, "vae": [null, null], "x": [1, 2]}`), []byte(`{"num_class_embeds": 7, "sample_size": [1, 2], "sample_rate": 44100}`))
	info := &onnx.Info{
		Inputs: []onnx.Value{
			value("hidden_states", f32, free, onnx.Free("c"), onnx.Free("h"), fixed(1<<40)), value("timestep", f32, free), value("class_labels", i64, free),
		},
		Outputs: []onnx.Value{value("out", f32, vague...)},
	}
	f.Fuzz(func(t *testing.T, index, config []byte) {
		x, err := parsePipelineIndex(index)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		p := &Pipeline{Class: x.class, index: x, kind: pipelineKinds[x.class]}
		if err := parseConfig(&p.settings, config); err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		if p.settings.ada > 1000 || p.settings.classes > 1000 {
			return // as many names as classes take their time
		}
		x.reads()
		card := p.card(info)
		require.NoError(t, card.check())
		m := &Model{Name: "fuzz", Info: info, Layers: []Layer{{From: "the folder", Card: card}}}
		m.Card, m.From = Merge(m.Layers...)
		_ = Resolve(m).Err()
	})
}
