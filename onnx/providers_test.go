package onnx

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProvidersSayWhatIsMissing(t *testing.T) {
	r := openRuntime(t)
	statuses := r.Providers()
	require.Len(t, statuses, len(ProviderNames())-1)
	require.Equal(t, ProviderStatus{Name: "cpu", Usable: true}, statuses[0])
	for _, s := range statuses {
		require.Equal(t, s.Reason == "", s.Usable, s.Name)
	}
}

// A runtime that looks at other files than those it has loaded stands for other libraries.
func describedRuntime(t *testing.T, exports ...string) *Runtime {
	return &Runtime{library: Library{Path: filepath.Join(t.TempDir(), soName)}, facts: binaryFacts{exports: exports}}
}

func reason(r *Runtime, name string) string {
	for _, s := range r.Providers() {
		if s.Name == name {
			return s.Reason
		}
	}
	return "no such provider"
}

func TestALibraryBuiltWithoutAProviderIsTold(t *testing.T) {
	r := describedRuntime(t, entryPoint)
	for _, name := range []string{"cuda", "tensorrt", "openvino", "coreml", "directml"} {
		require.Contains(t, reason(r, name), "the library "+r.library.Path+" was built without it; ")
	}
	_, err := openRuntime(t).NewSessionBytes("test.onnx", addition(t, Float32, false), []string{"x", "s"}, []string{"y"}, SessionOptions{Provider: "openvino"})
	if reason(openRuntime(t), "openvino") == "" {
		t.Skip("this machine has OpenVINO")
	}
	var unusable *ProviderError
	require.ErrorAs(t, err, &unusable)
	require.ErrorContains(t, err, `execution provider "openvino" cannot be used: `)
}

func TestAProviderLibraryThatIsNotBesideIsTold(t *testing.T) {
	r := describedRuntime(t, entryPoint, "OrtSessionOptionsAppendExecutionProvider_CUDA", "OrtSessionOptionsAppendExecutionProvider_CoreML")
	require.Contains(t, reason(r, "cuda"), filepath.Dir(r.library.Path))
	require.Contains(t, reason(r, "cuda"), "is missing or unusable (no such file or directory); `odeon runtime install --gpu`")
	require.Empty(t, reason(r, "coreml"), "needs no other file")

	require.NoError(t, os.WriteFile(r.beside("onnxruntime_providers_shared"), []byte("garbage"), 0o644))
	require.Contains(t, reason(r, "cuda"), "is missing or unusable (the file is no shared library)")
}

func TestAbsentVendorLibrariesAreTold(t *testing.T) {
	r := describedRuntime(t)
	require.True(t, r.reachable("libc.so.6"), "the system's own are taken to be there")
	require.False(t, r.reachable("libcublas.so.99"))
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(r.library.Path), "libcublas.so.99"), nil, 0o644))
	require.True(t, r.reachable("libcublas.so.99"))
	cuda, err := providerNamed("cuda")
	require.NoError(t, err)
	require.Contains(t, absentLibrary("libcuda.so.1", cuda), "NVIDIA's driver is missing")
	require.Contains(t, absentLibrary("libcudnn.so.9", cuda), "its library libcudnn.so.9 is missing; `odeon runtime install --gpu`")
}

// A Python package finds the vendor's libraries in the packages beside it: site-packages/nvidia/NAME/lib.
func TestVendorLibrariesBesideAPythonPackageAreFound(t *testing.T) {
	site := t.TempDir()
	r := &Runtime{library: Library{Path: filepath.Join(site, "onnxruntime", "capi", soName)}}
	path := filepath.Join(site, "nvidia", "cu13", "lib", "libcublas.so.99")
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	require.Equal(t, path, r.vendorFile("libcublas.so.99"))
}

func TestTheDriversVersionIsReadFromTheKernel(t *testing.T) {
	for text, want := range map[string]int{
		"NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.10  Thu Jan 23 06:48:48 UTC 2025": 570,
		"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build":       580,
		"something else": 0,
	} {
		require.Equal(t, want, driverMajor([]byte(text)), text)
	}
}

func TestAutoTakesTheCPUWhereThereIsNoGPU(t *testing.T) {
	r := openRuntime(t)
	s, err := r.NewSessionBytes("test.onnx", addition(t, Float32, false), []string{"x", "s"}, []string{"y"}, SessionOptions{})
	require.NoError(t, err)
	defer s.Destroy()
	if reason(r, "cuda") == "" {
		t.Skip("this machine has CUDA")
	}
	require.Equal(t, "cpu", s.Provider())
	require.Empty(t, s.Note())
}

func TestCUDAComputesInFloat32UnlessAsked(t *testing.T) {
	require.Equal(t, map[string]string{"use_tf32": "0"}, cudaOptions(nil))
	require.Equal(t, map[string]string{"use_tf32": "1", "device_id": "1"}, cudaOptions(map[string]string{"use_tf32": "1", "device_id": "1"}))
}

func TestDirectMLTakesADeviceNumber(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("would use the device")
	}
	directml, err := providerNamed("directml")
	require.NoError(t, err)
	for _, options := range []map[string]string{{"device_id": "first"}, {"device_id": "-1"}, {"device": "0"}} {
		require.ErrorContains(t, directml.append(nil, options), "the only option is device_id, a number from 0")
	}
}

func TestReasonsCarryNoSourcePlaces(t *testing.T) {
	for message, want := range map[string]string{
		"/onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:1080 onnxruntime::Provider& onnxruntime::ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library":                                                               "Failed to load library",
		"[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got invalid dimensions\nsecond line":                                                                                                                                                                       "Got invalid dimensions",
		"std::conditional_t<THRW, void> CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=-1 ; file=/onnxruntime_src/x.cc":                                                                                                    "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version",
		"Load model from a b.onnx failed:/onnxruntime_src/onnxruntime/core/graph/model.cc:192 onnxruntime::Model::Model(onnx::ModelProto&&, const onnxruntime::PathString&) Unsupported model IR version: 99":                                                   "Unsupported model IR version: 99",
		"Non-zero status code returned while running Expand node. Name:'' Status Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:358 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) Failed to allocate": "Non-zero status code returned while running Expand node. Name:'' Status Message: Failed to allocate",
		"Got invalid dimensions for output: y for the following indices\n index: 1 Got: 2 Expected: 4\n Please fix it.":                                                                                                                                         "Got invalid dimensions for output: y for the following indices index: 1 Got: 2 Expected: 4 Please fix it.",
		"plain": "plain",
	} {
		require.Equal(t, want, cleanReason(plainError(message)))
	}
}

type plainError string

func (e plainError) Error() string { return string(e) }
