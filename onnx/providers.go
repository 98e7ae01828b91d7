package onnx

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// Auto is the provider that takes CUDA where it is usable and the CPU elsewhere. CoreML and the others are taken by name only:
// they may compute in float16.
const Auto = "auto"

// provider is one of the ways in which ONNX Runtime executes a graph.
type provider struct {
	name   string
	export string   // the function by which a library shows that it was built with the provider
	files  []string // libraries that must lie beside it, without prefix and suffix
	also   []string // providers appended after it, for the operators that it does not have
	serial bool     // runs of one session must not overlap
	mend   string   // what gets a library with the provider
	append func(*ort.SessionOptions, map[string]string) error
}

const exportPrefix = "OrtSessionOptionsAppendExecutionProvider_"

var providers = []provider{
	{
		name: "cpu",
		append: func(_ *ort.SessionOptions, options map[string]string) error {
			if len(options) > 0 {
				return fmt.Errorf("the CPU provider has no options, got %s", strings.Join(slices.Sorted(maps.Keys(options)), ", "))
			}
			return nil
		},
	},
	{
		name: "cuda", export: "CUDA", files: []string{"onnxruntime_providers_shared", "onnxruntime_providers_cuda"},
		mend: "`odeon runtime install --gpu` gets one for Linux on x64",
		append: func(session *ort.SessionOptions, options map[string]string) error {
			cuda, err := ort.NewCUDAProviderOptions()
			if err != nil {
				return err
			}
			defer cuda.Destroy()
			if err := cuda.Update(cudaOptions(options)); err != nil {
				return err
			}
			return session.AppendExecutionProviderCUDA(cuda)
		},
	},
	{
		name: "tensorrt", export: "Tensorrt", files: []string{"onnxruntime_providers_shared", "onnxruntime_providers_tensorrt"}, also: []string{"cuda"},
		mend: "`odeon runtime install --gpu` gets one for Linux on x64; TensorRT's own libraries come from NVIDIA",
		append: func(session *ort.SessionOptions, options map[string]string) error {
			rt, err := ort.NewTensorRTProviderOptions()
			if err != nil {
				return err
			}
			defer rt.Destroy()
			if err := rt.Update(options); err != nil {
				return err
			}
			return session.AppendExecutionProviderTensorRT(rt)
		},
	},
	{
		name: "openvino", export: "OpenVINO", files: []string{"onnxruntime_providers_shared", "onnxruntime_providers_openvino"},
		mend:   "the Python package onnxruntime-openvino carries one",
		append: (*ort.SessionOptions).AppendExecutionProviderOpenVINO,
	},
	{
		name: "coreml", export: "CoreML",
		mend:   "the libraries for macOS have it",
		append: (*ort.SessionOptions).AppendExecutionProviderCoreMLV2,
	},
	{
		name: "directml", export: "DML", serial: true,
		mend: "the Python package onnxruntime-directml and the npm package onnxruntime-node carry one for Windows",
		append: func(session *ort.SessionOptions, options map[string]string) error {
			device := 0
			for key, value := range options {
				n, err := strconv.Atoi(value)
				if key != "device_id" || err != nil || n < 0 {
					return fmt.Errorf("%s=%s: the only option is device_id, a number from 0", key, value)
				}
				device = n
			}
			// DirectML plans its memory itself.
			if err := session.SetMemPattern(false); err != nil {
				return err
			}
			return session.AppendExecutionProviderDirectML(device)
		},
	},
}

// cudaOptions turns off TF32, matrix products with 10 bits of fraction, unless it is asked for (use_tf32=1): samples agree
// with the CPU's to the accuracy of float32, at the price of speed. PyTorch chooses the same for its matrix products.
func cudaOptions(given map[string]string) map[string]string {
	options := map[string]string{"use_tf32": "0"}
	maps.Copy(options, given)
	return options
}

// ProviderNames lists what [SessionOptions].Provider may be.
func ProviderNames() []string {
	names := []string{Auto}
	for _, p := range providers {
		names = append(names, p.name)
	}
	return names
}

func providerNamed(name string) (*provider, error) {
	for i := range providers {
		if providers[i].name == name {
			return &providers[i], nil
		}
	}
	return nil, fmt.Errorf("unknown execution provider %q: one of %s is expected", name, strings.Join(ProviderNames(), ", "))
}

// ProviderError says why an execution provider cannot be used, and what mends it.
type ProviderError struct{ Provider, Reason string }

func (e *ProviderError) Error() string {
	return fmt.Sprintf("execution provider %q cannot be used: %s", e.Provider, e.Reason)
}

// ProviderStatus tells whether an execution provider is usable here.
type ProviderStatus struct {
	Name   string
	Usable bool
	Reason string // what is missing and what mends it; "" for a usable one
}

// Providers tells of every execution provider whether it is usable with this library on this machine. It looks at files and
// loads nothing, so that a broken driver cannot take the process down; "usable" means that nothing is missing.
func (r *Runtime) Providers() []ProviderStatus {
	statuses := make([]ProviderStatus, len(providers))
	for i := range providers {
		reason := r.missing(&providers[i])
		statuses[i] = ProviderStatus{providers[i].name, reason == "", reason}
	}
	return statuses
}

// choose lists the providers to try for a name.
func (r *Runtime) choose(name string) ([]*provider, error) {
	if name != "" && name != Auto {
		p, err := providerNamed(name)
		if err != nil {
			return nil, err
		}
		return []*provider{p}, nil
	}
	var choices []*provider
	for _, name := range []string{"cuda", "cpu"} {
		p, err := providerNamed(name)
		if err != nil {
			return nil, err
		}
		if r.missing(p) == "" {
			choices = append(choices, p)
		}
	}
	return choices, nil
}

// OnDevice tells whether a session with this provider would compute on an accelerator, which one caller at a time keeps
// busy, and not on the CPU's cores. An unknown name is left to [Runtime.NewSession] to refuse.
func (r *Runtime) OnDevice(provider string) bool {
	choices, err := r.choose(provider)
	return err == nil && len(choices) > 0 && choices[0].name != "cpu"
}

// append adds a provider to a session's options. What can be seen to be missing is not even tried.
func (r *Runtime) append(session *ort.SessionOptions, p *provider, options map[string]string) error {
	if reason := r.missing(p); reason != "" {
		return &ProviderError{p.name, reason}
	}
	if err := r.loadNeeds(p); err != nil {
		return &ProviderError{p.name, err.Error()}
	}
	if err := p.append(session, options); err != nil {
		return &ProviderError{p.name, cleanReason(err)}
	}
	for _, name := range p.also {
		next, err := providerNamed(name)
		if err != nil {
			return err
		}
		if err := r.append(session, next, nil); err != nil {
			return err
		}
	}
	return nil
}

// missing says what a provider lacks here, or "".
func (r *Runtime) missing(p *provider) string {
	if p.export != "" && !slices.ContainsFunc(r.facts.exports, func(name string) bool { return name == exportPrefix+p.export }) {
		return fmt.Sprintf("the library %s was built without it; %s", r.library.Path, p.mend)
	}
	for _, file := range p.files {
		path := r.beside(file)
		facts, err := inspect(path)
		if err != nil {
			return fmt.Sprintf("%s, its provider library, is missing or unusable (%s); %s", path, pathProblem(err), p.mend)
		}
		for _, need := range facts.needs {
			if !r.reachable(need) {
				return absentLibrary(need, p)
			}
		}
		if reason := driverProblem(facts.needs); reason != "" {
			return reason
		}
	}
	return ""
}

// beside is the path of a library in ONNX Runtime's own folder.
func (r *Runtime) beside(name string) string {
	switch runtime.GOOS {
	case "windows":
		name += ".dll"
	case "darwin":
		name = "lib" + name + ".dylib"
	default:
		name = "lib" + name + ".so"
	}
	return filepath.Join(filepath.Dir(r.library.Path), name)
}

// vendorPrefixes begin the names of the libraries that do not belong to every operating system.
var vendorPrefixes = []string{"libcu", "libnv", "libopenvino", "libtbb", "cu", "nv", "openvino", "tbb"}

// reachable tells whether a library that a provider needs can be found: in one of the vendor folders, or by the loader. What
// comes with the operating system is taken to be there.
func (r *Runtime) reachable(name string) bool {
	vendor := slices.ContainsFunc(vendorPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	return !vendor || r.vendorFile(name) != "" || inLoaderFolders(name)
}

// vendorFile finds a vendor's library that lies beside ONNX Runtime (as Odeon installs them) or in the packages beside a Python
// package (nvidia/cublas/lib, nvidia/cu13/lib).
func (r *Runtime) vendorFile(name string) string {
	folder := filepath.Dir(r.library.Path)
	for _, pattern := range []string{filepath.Join(globEscape(folder), name), filepath.Join(globEscape(filepath.Join(folder, "..", "..")), "nvidia", "*", "lib", name)} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[0]
		}
	}
	return ""
}

func absentLibrary(name string, p *provider) string {
	if strings.HasPrefix(name, "libcuda.") || name == "nvcuda.dll" {
		return "NVIDIA's driver is missing: " + name + " is not in the loader's folders"
	}
	return fmt.Sprintf("its library %s is missing; %s", name, p.mend)
}

// oldestDriver is the first driver that runs each major version of CUDA (CUDA Toolkit release notes, table "CUDA Toolkit and
// Minimum Required Driver Version for CUDA Minor Version Compatibility", Linux).
var oldestDriver = map[string]int{"libcudart.so.12": 525, "libcudart.so.13": 580}

const driverVersionFile = "/proc/driver/nvidia/version"

var driverVersion = regexp.MustCompile(`(?:Module|x86_64|aarch64)\s+(\d+)\.\d+`)

// deviceFiles are what the driver shows of a GPU on Linux: a card, WSL, Jetson.
var deviceFiles = []string{"/dev/nvidiactl", "/dev/dxg", "/dev/nvmap"}

// driverProblem tells whether the driver is at work and fits the CUDA that a provider was built for. Where it tells no version
// (as on WSL) that is left to CUDA.
func driverProblem(needs []string) string {
	if runtime.GOOS != "linux" {
		return ""
	}
	for _, need := range needs {
		oldest, cuda := oldestDriver[need]
		if !cuda {
			continue
		}
		if !slices.ContainsFunc(deviceFiles, func(path string) bool { _, err := os.Stat(path); return err == nil }) {
			return "no NVIDIA GPU: the driver shows none of " + strings.Join(deviceFiles, ", ")
		}
		text, err := os.ReadFile(driverVersionFile)
		if err != nil {
			return ""
		}
		if major := driverMajor(text); major > 0 && major < oldest {
			return fmt.Sprintf("NVIDIA's driver is of version %d, %s needs %d or newer", major, need, oldest)
		}
	}
	return ""
}

// driverMajor is the version in the driver's own words, or 0.
func driverMajor(text []byte) int {
	found := driverVersion.FindSubmatch(text)
	if found == nil {
		return 0
	}
	major, err := strconv.Atoi(string(found[1]))
	if err != nil {
		return 0
	}
	return major
}

// preloading is the loading of what a provider needs, done once.
type preloading struct {
	once sync.Once
	err  error
}

// loadNeeds loads the vendor's libraries that lie beside ONNX Runtime, where the loader does not look by itself: by their
// names they are then found as loaded already. The order in which a provider names them is that of their dependence.
// (ONNX Runtime's Python package does the same in preload_dlls.)
func (r *Runtime) loadNeeds(p *provider) error {
	entry, _ := r.preload.LoadOrStore(p.name, new(preloading))
	loading := entry.(*preloading)
	loading.once.Do(func() {
		for _, file := range p.files {
			facts, err := inspect(r.beside(file))
			if err != nil {
				loading.err = err
				return
			}
			for _, need := range facts.needs {
				path := r.vendorFile(need)
				if path == "" {
					continue
				}
				if err := load(path); err != nil {
					loading.err = err
					return
				}
			}
		}
	})
	return loading.err
}
