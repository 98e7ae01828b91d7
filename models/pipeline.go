package models

import (
	"fmt"
	"path/filepath"

	"odeon/diffusers"
	"odeon/onnx"
)

// pipelineFile marks a diffusers pipeline's folder, and schedulerFile is its scheduler's config.
const (
	pipelineFile  = "model_index.json"
	schedulerFile = "scheduler_config.json"
)

// Pipeline is a diffusers folder: a network, a scheduler and perhaps a decoder, each in a folder of its own, and a model_index.json that
// names the class that puts them together. Its files are laid out as Optimum exports them:
//
//	model_index.json                   the class, its parts, the names of its classes (id2label)
//	unet/model.onnx, config.json       or transformer/: what predicts
//	scheduler/scheduler_config.json    path, prediction, grid and solver
//	vae_decoder/model.onnx             what turns latents into pictures
//
// A part that has no folder lies in the pipeline's own, as in diffusers.
type Pipeline struct {
	Dir   string `json:"folder"`
	Class string `json:"class"` // such as "DiTPipeline"

	Network   string `json:"network"`           // the ONNX file that predicts
	Decoder   string `json:"decoder,omitempty"` // the decoder's ONNX file; "" where there is none
	Scheduler string `json:"scheduler_config,omitempty"`

	kind     pipelineKind
	index    pipelineIndex
	folder   folder
	settings networkConfig
	latents  latentConfig
}

// pipelineKind is what Odeon knows of a class of pipelines. Each works by one loop, over the scheduler's timesteps: the network, then the
// scheduler's step. What is in front of the loop and behind it is data.
type pipelineKind struct {
	network   string // the part that predicts
	decodes   string // the part that holds the decoder; "": the samples are the state
	scheduler string // the class that the pipeline makes of whatever scheduler lies there; "": the one that is named
	sampling  string // the defaults of the pipeline's own call, as a card's "sampling"
}

// pipelineKinds are the classes that sample from noise alone, or from noise and a class (diffusers 0.38, src/diffusers/pipelines).
var pipelineKinds = map[string]pipelineKind{
	"DDPMPipeline":             {network: "unet", sampling: `{"steps": 1000}`},
	"DDIMPipeline":             {network: "unet", scheduler: "DDIMScheduler", sampling: `{"steps": 50}`},
	"PNDMPipeline":             {network: "unet", scheduler: "PNDMScheduler", sampling: `{"steps": 50}`},
	"ConsistencyModelPipeline": {network: "unet", sampling: `{"steps": 1}`},
	"DanceDiffusionPipeline":   {network: "unet", sampling: `{"steps": 100}`},
	"LDMPipeline":              {network: "unet", decodes: "vqvae", sampling: `{"steps": 50}`},
	"DiTPipeline":              {network: "transformer", decodes: "vae", sampling: `{"steps": 50, "guidance": 4}`},
}

// openPipeline finds the files of a diffusers folder.
func openPipeline(dir string) (*Pipeline, error) {
	p, err := newPipeline(dir)
	if err != nil {
		return nil, err
	}
	kind, known := pipelineKinds[p.Class]
	if text, other := p.index.reads(); !known || len(text) > 0 || len(other) > 0 {
		return nil, p.unsupported(text)
	}
	p.kind = kind
	if p.Network, err = p.network(kind.network); err != nil {
		return nil, err
	}
	if p.Network == "" {
		return nil, p.noNetwork(kind.network)
	}
	if kind.decodes != "" {
		if p.Decoder, err = p.decoder(kind.decodes); err != nil {
			return nil, err
		}
		if err := p.config(&p.latents, decoderFolders(kind.decodes)...); err != nil {
			return nil, err
		}
	}
	if p.Scheduler, err = p.schedulerFile(); err != nil {
		return nil, err
	}
	return p, p.config(&p.settings, kind.network)
}

// newPipeline reads a folder's model_index.json.
func newPipeline(dir string) (*Pipeline, error) {
	p := &Pipeline{Dir: dir}
	var err error
	if p.folder, err = openFolder(dir); err != nil {
		return nil, err
	}
	file, err := p.folder.file(pipelineFile)
	if err != nil {
		return nil, err
	}
	text, err := p.folder.read(file)
	if err != nil {
		return nil, err
	}
	if p.index, err = parsePipelineIndex(text); err != nil {
		return nil, fmt.Errorf("%s: %w", file, unprefixed(err, "the card: "))
	}
	p.Class = p.index.class
	return p, nil
}

// locatePipeline finds the network of a diffusers folder, and the card that lies beside it or beside the model_index.json.
func locatePipeline(dir string) (*Model, *Layer, error) {
	p, err := openPipeline(dir)
	if err != nil {
		return nil, nil, err
	}
	m := &Model{Name: filepath.Base(dir), File: p.Network, Pipeline: p}
	if abs, err := filepath.Abs(dir); err == nil {
		m.Name = filepath.Base(abs)
	}
	beside, err := cardBeside(p.Network)
	if beside == nil && err == nil {
		beside, err = cardBeside(filepath.Join(dir, pipelineFile))
	}
	return m, beside, err
}

// layers are the cards that the folder makes: its own, and its scheduler's, unless another takes that one's place.
func (p *Pipeline) layers(info *onnx.Info, scheduled bool) ([]Layer, error) {
	list := []Layer{{From: p.Class + " " + p.Dir, Card: p.card(info), Dir: p.Dir}}
	if p.Scheduler == "" || scheduled {
		return list, nil
	}
	text, err := p.folder.read(p.Scheduler)
	if err != nil {
		return nil, err
	}
	s, err := diffusers.ParseAs(p.schedulerClass(), text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Scheduler, err)
	}
	own, err := SchedulerLayer(p.Scheduler, s)
	return append(list, own), err
}

// schedulerClass is the class that diffusers makes of the scheduler's config; "": the config's own.
func (p *Pipeline) schedulerClass() string {
	if p.kind.scheduler != "" {
		return p.kind.scheduler
	}
	return p.index.parts["scheduler"].class
}

// noScheduler is what is wrong where nothing says path and prediction.
func (p *Pipeline) noScheduler() Problem {
	return Problem{
		Field: "path",
		Text:  fmt.Sprintf("found no scheduler, expected %s", filepath.Join(p.Dir, "scheduler", schedulerFile)),
		Mend:  "put it there, or give one with --scheduler NAME or FILE",
	}
}

// notes are what the folder leaves to be assumed.
func (p *Pipeline) notes() []string {
	if p.kind.decodes == "" || p.latents.scale != nil {
		return nil
	}
	return []string{fmt.Sprintf("the decoder's config.json gives no scaling_factor: latents are divided by %v, as in diffusers", p.usualScale())}
}
