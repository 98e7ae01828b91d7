package onnx

import "runtime"

// This file is data: where each platform's libraries come from, what they are called inside the archives, and their sums.

// member is a file inside an archive, and the name it gets in the cache. Where size and sum are pinned, they must agree; where
// they are not, the archive's own sum is pinned.
type member struct {
	path, name string
	size       int64
	sum        string // sha256
}

// archive is what one download brings. size is that of the download; it may be a little off for archives that a registry
// repacks, and serves the progress display only, unless sum is pinned too.
type archive struct {
	spec    string // what the tool is asked for: a requirement, a package, an address
	size    int64
	sum     string // sha256 of the archive; "" where its members' are pinned
	members []member
}

// source is one way to get everything that a platform needs: the first member of the first archive is ONNX Runtime itself.
type source struct {
	tool     tool
	tags     []string // pip's names of the platform
	archives []archive
}

// target is a platform, with or without the libraries for a GPU.
type target struct {
	platform string // GOOS/GOARCH
	gpu      bool
}

func thisTarget(gpu bool) target { return target{runtime.GOOS + "/" + runtime.GOARCH, gpu} }

// onlyMember is the usual archive of which one file is wanted, under the name at the end of its path.
func onlyMember(spec string, size int64, sum string, m member) []archive {
	return []archive{{spec, size, sum, []member{m}}}
}

const (
	wheelPackage = "onnxruntime==" + installVersion
	nodePackage  = "onnxruntime-node@" + installVersion
	// The project's own archives. Their sums are those that the project publishes beside them, as recorded by several other
	// projects that pin them too.
	release = "https://github.com/microsoft/onnxruntime/releases/download/v" + installVersion + "/onnxruntime-"

	nodeSize = 100893124
	nodeBin  = "package/bin/napi-v6/"

	soName    = "libonnxruntime.so." + installVersion
	dylibName = "libonnxruntime." + installVersion + ".dylib"
	dllName   = "onnxruntime.dll"
	capi      = "onnxruntime/capi/"
)

// installs lists each platform's sources in the order in which they are tried: the wheel is the smallest and has the plain
// library, the npm package has the libraries of all platforms in one.
var installs = map[target][]source{
	{"linux/amd64", false}: {
		{pip, []string{"manylinux_2_28_x86_64"}, onlyMember(wheelPackage, 18636930, "",
			member{capi + soName, soName, 23658512, "b5c9d4f124d24707f514dad926dc181820807178855df1c528e3addb2dd0e6f7"})},
		{npm, nil, onlyMember(nodePackage, nodeSize, "",
			member{nodeBin + "linux/x64/libonnxruntime.so.1", soName, 38023776, "d8aff4aa8abee8fb2abb2f2f2459ffc94461e781e41b9f7c072829dd0d470221"})},
		{web, nil, onlyMember(release+"linux-x64-"+installVersion+".tgz", 8831605, "547e40a48f1fe73e3f812d7c88a948612c23f896b91e4e2ee1e232d7b468246f",
			member{path: "onnxruntime-linux-x64-" + installVersion + "/lib/" + soName, name: soName})},
	},
	{"linux/arm64", false}: {
		{pip, []string{"manylinux_2_28_aarch64"}, onlyMember(wheelPackage, 16419330, "",
			member{capi + soName, soName, 20001880, "9275ef52956228686ae47b0219f67476a1148505084bdc5571e7bf1bf69b11f2"})},
		{npm, nil, onlyMember(nodePackage, nodeSize, "",
			member{nodeBin + "linux/arm64/libonnxruntime.so.1", soName, 20001880, "c36bc200e7e6c093b8abb0b34590fbdd8c52fd3fb5e33795b9523ffdde2fce0f"})},
		{web, nil, onlyMember(release+"linux-aarch64-"+installVersion+".tgz", 7797972, "3e4d83ac06924a32a07b6d7f91ce6f852876153fc0bbdf931bf517a140bfbe48",
			member{path: "onnxruntime-linux-aarch64-" + installVersion + "/lib/" + soName, name: soName})},
	},
	{"darwin/arm64", false}: {
		{pip, []string{"macosx_14_0_arm64"}, onlyMember(wheelPackage, 18416484, "",
			member{capi + dylibName, dylibName, 29651448, "3d832017d60a8a1e078f7051ea3601374453f5451ffe95b70db1131aa7d37e06"})},
		{npm, nil, onlyMember(nodePackage, nodeSize, "",
			member{nodeBin + "darwin/arm64/" + dylibName, dylibName, 38800984, "89f692a3a1a224e4ad0b796b0e7c0bd81113b0741bfe84211eceef14d05a9e59"})},
		{web, nil, onlyMember(release+"osx-arm64-"+installVersion+".tgz", 32485368, "545e81c58152353acb0d1e8bd6ce4b62f830c0961f5b3acfedc790ffd76e477a",
			member{path: "onnxruntime-osx-arm64-" + installVersion + "/lib/" + dylibName, name: dylibName})},
	},
	{"windows/amd64", false}: {
		{pip, []string{"win_amd64"}, onlyMember(wheelPackage, 13356110, "",
			member{capi + dllName, dllName, 17320760, "7b9ef55ecaa67ea48e7b0cbe06c926a2046510eef45bbddc35bb9b02f6de3f81"})},
		{npm, nil, []archive{{nodePackage, nodeSize, "", []member{
			{nodeBin + "win32/x64/" + dllName, dllName, 26011960, "273f9ef9cf755c6a0f342226a80448156c10ceb74db2ae8c8370dc98e75af0eb"},
			{nodeBin + "win32/x64/DirectML.dll", "DirectML.dll", 18527544, "86d9b418e982fa1effb6ea39cb916b04fe3896ccedc6982d73a5477459b56d81"},
		}}}},
		{web, nil, onlyMember(release+"win-x64-"+installVersion+".zip", 0, "c5c81710938e68079ff1a192b04897faabe4b43830d48f39f27ecd4e16138bfc",
			member{path: "onnxruntime-win-x64-" + installVersion + "/lib/" + dllName, name: dllName})},
	},
	{"windows/arm64", false}: {
		{npm, nil, []archive{{nodePackage, nodeSize, "", []member{
			{nodeBin + "win32/arm64/" + dllName, dllName, 26834232, "908ce63e73f375e90daabe24c52486b42392c19df3d63973a26f871cfeab5453"},
			{nodeBin + "win32/arm64/DirectML.dll", "DirectML.dll", 18444600, "759a2d3054d4ce583186bd6f0b5c36071492b3dfba8be456b69f1b17b313171c"},
		}}}},
		{web, nil, onlyMember(release+"win-arm64-"+installVersion+".zip", 78593089, "a32f2650575b3c20df462e337519fd1cc4105356130d11dba9771c6f374d952f",
			member{path: "onnxruntime-win-arm64-" + installVersion + "/lib/" + dllName, name: dllName})},
	},
	{"linux/amd64", true}: {
		{pip, []string{"manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64", "manylinux2010_x86_64"}, cudaArchives},
	},
}

// cudaArchives are ONNX Runtime with its CUDA provider, built for CUDA 13.0, and the CUDA libraries that its extras `cuda` and
// `cudnn` name. The extras of 1.27.0 name four packages that exist as empty names only (nvidia-cuda-nvrtc-cu13 and the like: from
// CUDA 13 on the packages have no suffix), so pip cannot resolve them; here are the real ones, at the versions of CUDA toolkit
// 13.0.2, which need a driver of version 580 or newer. libcublas comes with cuDNN, libnvJitLink with cuFFT. All files lie in one
// folder: the CUDA libraries look for each other beside themselves.
var cudaArchives = []archive{
	{"onnxruntime-gpu==" + installVersion, 220287841, "", []member{
		{capi + soName, soName, 23736336, "184096f611d6cfff75f5d4cbaf01f76d736ab10d408d335fca0c85e5a79018db"},
		{capi + "libonnxruntime_providers_shared.so", "libonnxruntime_providers_shared.so", 14632, "086ec1d5388f64153d9c63470d126693db9a182c8ce236d3a1119068471b8a0d"},
		{capi + "libonnxruntime_providers_cuda.so", "libonnxruntime_providers_cuda.so", 251627280, "e74df75bf06e670fb75f594f4a7b337c039fdebea3998c91f9f05e6e7b8008a0"},
		{capi + "libonnxruntime_providers_tensorrt.so", "libonnxruntime_providers_tensorrt.so", 764888, "e9ac7843d679d8e34466abddf4875443254fa6ee9c8f19451e761acdc60f3aee"},
	}},
	{"nvidia-cuda-runtime==13.0.96", 2243632, "", []member{
		{"nvidia/cu13/lib/libcudart.so.13", "libcudart.so.13", 704288, "96c42e418cec19054186b9429c321603cc190bf26a18104e19408117a2a817b0"},
	}},
	{"nvidia-cuda-nvrtc==13.0.88", 90215200, "", []member{
		{"nvidia/cu13/lib/libnvrtc.so.13", "libnvrtc.so.13", 109338064, "a49e67e8e74590f1e98de55c39c6287efd3f59e3c3797464d7bbe0fe01349b11"},
		{"nvidia/cu13/lib/libnvrtc-builtins.so.13.0", "libnvrtc-builtins.so.13.0", 4380616, "91dcd944d01da9c0f08fff5d779db136a47f6d62bdb63bae900d2f481e92c3a2"},
	}},
	{"nvidia-nvjitlink==13.0.88", 40713933, "", []member{
		{"nvidia/cu13/lib/libnvJitLink.so.13", "libnvJitLink.so.13", 98806736, "931347fa77d9fd5511059e04627f122b1ee33e409f22c3273ddddbe065713a3a"},
	}},
	{"nvidia-curand==10.4.0.35", 59544258, "", []member{
		{"nvidia/cu13/lib/libcurand.so.10", "libcurand.so.10", 132698328, "b53732a66b302b11926e00f762e2c2ba67058347ff93cf4ae709de45e93e06da"},
	}},
	{"nvidia-cufft==12.0.0.61", 214085489, "", []member{
		{"nvidia/cu13/lib/libcufft.so.12", "libcufft.so.12", 286542352, "0933f68bb7e3bf90f86d70bc87cd2f69027f7757e89e5de5e19ec33a53fd8d3a"},
	}},
	{"nvidia-cublas==13.1.0.3", 423133236, "", []member{
		{"nvidia/cu13/lib/libcublas.so.13", "libcublas.so.13", 54177976, "e70f38efabe986acd5eb683497c62f0f1730a6176ee291d9d24c6e339d1fbf86"},
		{"nvidia/cu13/lib/libcublasLt.so.13", "libcublasLt.so.13", 541595600, "656298c804f5adbb0df930545c17911b9584ab4e5101c0eeb65d1fe881d880f8"},
	}},
	{"nvidia-cudnn-cu13==9.19.0.56", 366066321, "", []member{
		{"nvidia/cudnn/lib/libcudnn.so.9", "libcudnn.so.9", 129240, "94f44e2e8fb2d4bca8c534b14f03ef84e095376dad72a257fd854377ef0b3427"},
		{"nvidia/cudnn/lib/libcudnn_graph.so.9", "libcudnn_graph.so.9", 4451728, "e292c689093f22325bffb7f84e68c58067c062a5cdd5534914ac1449f0a4e23f"},
		{"nvidia/cudnn/lib/libcudnn_ops.so.9", "libcudnn_ops.so.9", 39855888, "3e9182b90e8ba33027c1dcf42741ba2a8799eef3e8047cf341e00a6091ddec97"},
		{"nvidia/cudnn/lib/libcudnn_cnn.so.9", "libcudnn_cnn.so.9", 4203904, "36480b885ab03685d9b07c9fca4bbaeb3e7c3c7c4d81297cf8195b72cd3d8f20"},
		{"nvidia/cudnn/lib/libcudnn_adv.so.9", "libcudnn_adv.so.9", 109169104, "87e2199f5bca489a1ed863afbb0b421c822fe0081a956d8c69216b3ae37c135f"},
		{"nvidia/cudnn/lib/libcudnn_heuristic.so.9", "libcudnn_heuristic.so.9", 60822040, "9e0202a6bcc055fc921972f335be9eeec95e469582e0f603f6548df5209ab7dc"},
		{"nvidia/cudnn/lib/libcudnn_engines_precompiled.so.9", "libcudnn_engines_precompiled.so.9", 245391920, "7f8ce268b43c0fab298cc43854a006195bc16c0ed43bedf63b11f3699e92c6ae"},
		{"nvidia/cudnn/lib/libcudnn_engines_runtime_compiled.so.9", "libcudnn_engines_runtime_compiled.so.9", 29386400, "1b0025cfeab270688d4563e287a5009389464ff140d0ebcf708314223523b99b"},
	}},
}
