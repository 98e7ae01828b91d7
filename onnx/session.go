package onnx

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// SessionOptions say how a model is executed. The zero value is the CPU or a GPU, whatever is there, with ONNX Runtime's own
// number of threads.
type SessionOptions struct {
	// Provider names the execution provider, see [ProviderNames]; "" is "auto". One that cannot be had is an error; only "auto"
	// takes another one.
	Provider string

	// ProviderOptions are the provider's own settings, as ONNX Runtime's documentation names them (device_id, gpu_mem_limit).
	// A key that starts with "session." or "optimization." is a setting of the session instead. The notable one is
	// "session.disable_cpu_ep_fallback": with "1" a model is refused when the provider leaves any operator to the CPU. By
	// default it may: ONNX Runtime computes shapes on the CPU on purpose.
	ProviderOptions map[string]string

	// Threads is how many threads one run uses on the CPU; 0 leaves it to ONNX Runtime, which takes one for each core.
	Threads int

	// Workers is how many calls run side by side. With more than one, threads that wait for work sleep instead of spinning:
	// spinning, they would take the core from another call.
	Workers int
}

// Session is a loaded model. Any number of [Call]s may run on it at the same time.
type Session struct {
	file            string
	inputs, outputs []string
	provider        string
	note            string
	inner           *ort.DynamicAdvancedSession
	serial          *sync.Mutex // not nil where the provider runs one call at a time

	running   sync.RWMutex // held for reading by runs
	destroyed bool
}

// NewSession loads the model in a file and prepares to feed it the named inputs and to read the named outputs. Every graph
// optimization is on; numbers too small to be normal are computed with as they are, not taken for zero, so that results are
// those of other programs.
func (r *Runtime) NewSession(path string, inputs, outputs []string, o SessionOptions) (*Session, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, pathProblem(err))
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a folder, an ONNX file is expected", path)
	}
	return r.newSession(path, inputs, outputs, o, func(options *ort.SessionOptions) (*ort.DynamicAdvancedSession, error) {
		return ort.NewDynamicAdvancedSession(path, inputs, outputs, options)
	})
}

// NewSessionBytes is NewSession for a model in memory, which name stands for in messages. The model must hold its weights.
func (r *Runtime) NewSessionBytes(name string, model []byte, inputs, outputs []string, o SessionOptions) (*Session, error) {
	if len(model) == 0 {
		return nil, fmt.Errorf("%s: the model is empty", name)
	}
	return r.newSession(name, inputs, outputs, o, func(options *ort.SessionOptions) (*ort.DynamicAdvancedSession, error) {
		return ort.NewDynamicAdvancedSessionWithONNXData(model, inputs, outputs, options)
	})
}

type creator func(*ort.SessionOptions) (*ort.DynamicAdvancedSession, error)

func (r *Runtime) newSession(file string, inputs, outputs []string, o SessionOptions, create creator) (*Session, error) {
	if len(inputs) == 0 || len(outputs) == 0 {
		return nil, fmt.Errorf("%s: a session needs at least one input and one output, got %d and %d", file, len(inputs), len(outputs))
	}
	if o.Threads < 0 {
		return nil, fmt.Errorf("%s: %d threads asked for, at least 1 (or 0: as many as ONNX Runtime likes) is expected", file, o.Threads)
	}
	choices, err := r.choose(o.Provider)
	if err != nil {
		return nil, err
	}
	var note string
	for i, p := range choices {
		inner, err := r.create(p, o, create)
		if err == nil {
			s := &Session{file: file, inputs: slices.Clone(inputs), outputs: slices.Clone(outputs), provider: p.name, note: note, inner: inner}
			if p.serial {
				s.serial = new(sync.Mutex)
			}
			return s, nil
		}
		reason := cleanReason(err)
		unusable, missing := errors.AsType[*ProviderError](err)
		switch {
		case missing:
			err = unusable
		case deviceFailure.MatchString(reason):
			err = &ProviderError{p.name, reason}
		default:
			err = fmt.Errorf("%s: %s", file, reason)
		}
		if i == len(choices)-1 {
			return nil, err
		}
		// Only "auto" has a second choice. A model that is at fault itself fails there too, and with that message.
		note = err.Error()
	}
	return nil, fmt.Errorf("%s: no execution provider to choose from", file)
}

func (r *Runtime) create(p *provider, o SessionOptions, create creator) (*ort.DynamicAdvancedSession, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	if err := r.configure(options, p, o); err != nil {
		return nil, err
	}
	return create(options)
}

// cpuSettings are what sessions on the CPU begin with; a provider option of the same name overrides it.
//
// ONNX Runtime fuses a layer normalization that a file spells out into one node, whose kernel on the CPU (1.27) computes
// number by number: a vision transformer of width 64 takes 22 % less time with the nodes left apart, which are vectorised.
var cpuSettings = map[string]string{"optimization.disable_specified_optimizers": "LayerNormFusionL2"}

func (r *Runtime) configure(options *ort.SessionOptions, p *provider, o SessionOptions) error {
	settings := map[string]string{}
	if p.name == "cpu" {
		maps.Copy(settings, cpuSettings)
	}
	own := map[string]string{}
	for key, value := range o.ProviderOptions {
		if strings.HasPrefix(key, "session.") || strings.HasPrefix(key, "optimization.") {
			settings[key] = value
		} else {
			own[key] = value
		}
	}
	if o.Workers > 1 {
		settings["session.intra_op.allow_spinning"] = "0"
	}
	for key, value := range settings {
		if err := options.AddSessionConfigEntry(key, value); err != nil {
			return err
		}
	}
	if err := options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll); err != nil {
		return err
	}
	if err := options.SetIntraOpNumThreads(o.Threads); err != nil {
		return err
	}
	return r.append(options, p, own)
}

// Provider is the name of the execution provider that was taken.
func (s *Session) Provider() string { return s.provider }

// Note says why "auto" passed over a better provider, or is empty.
func (s *Session) Note() string { return s.note }

// Destroy waits for runs to end and frees the model. Calling it again does nothing.
func (s *Session) Destroy() {
	s.running.Lock()
	defer s.running.Unlock()
	if !s.destroyed {
		s.destroyed = true
		s.inner.Destroy()
	}
}

// cleanReason is ONNX Runtime's message without what only its developers can use: the place in its source, the name of the
// function and the stack.
func cleanReason(err error) string {
	reason := ortReason(err)
	if failure := deviceFailure.FindString(reason); failure != "" {
		return strings.TrimSpace(failure)
	}
	reason = loading.ReplaceAllString(strings.ReplaceAll(reason, "\n ", " "), "") // lines that start so go on with the one before
	if first, _, cut := strings.Cut(reason, "\n"); cut && first != "" {
		reason = first
	}
	return strings.TrimSpace(sourcePlace.ReplaceAllString(reason, ""))
}

// sourcePlace is what ONNX Runtime decorates messages with: the file and line of its source, the function, its code for the
// kind of error.
var sourcePlace = regexp.MustCompile(`^/\S+\.(?:cc|h):\d+ .*\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : |/\S+\.(?:cc|h):\d+ (?:[^\n]*?\bonnxruntime::[^\n]*?\) )?|\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : `)

// loading is how the errors of loading begin; the file's name stands before them already.
var loading = regexp.MustCompile(`^Load model from .* failed:`)

// deviceFailure is what NVIDIA's libraries say, in the midst of a message that is mostly C++ types.
var deviceFailure = regexp.MustCompile(`(?:CUDA|CUBLAS|CUDNN|CUFFT) failure \d+: [^;\n]*`)
