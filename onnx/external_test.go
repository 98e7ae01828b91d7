package onnx

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// externalModel has one weight of 100 float32 kept in another file; entries are further keys and values.
func externalModel(location string, entries ...string) []byte {
	return tensorOf(func(t *message) { externalTensor(t, location, entries...) })
}

func externalTensor(t *message, location string, entries ...string) {
	t.number(1, 100)
	t.number(2, int64(Float32))
	t.text(8, "w")
	entries = append([]string{"location", location}, entries...)
	for i := 0; i < len(entries); i += 2 {
		var e message
		e.text(1, entries[i])
		e.text(2, entries[i+1])
		t.message(13, &e)
	}
	t.number(14, 1)
}

func TestExternalWeightsMustBeNamedInsideTheFolder(t *testing.T) {
	for _, bad := range []string{
		"", "/etc/passwd", "../w.bin", "a/../../w.bin", "a/../w.bin", `..\w.bin`, `a\..\..\w.bin`, `C:\w.bin`, "c:w.bin",
		`\\server\share\w.bin`, "//server/share/w.bin", "w\x00.bin", "*/_ORT_MEM_ADDR_/*",
	} {
		_, err := ReadInfoBytes(externalModel(bad), "m.onnx")
		external, ok := errors.AsType[*ExternalError](err)
		require.True(t, ok, "%q: %v", bad, err)
		require.Equal(t, "m.onnx", external.File)
		require.Equal(t, bad, external.Location)
	}
	for _, good := range []string{"w.bin", "sub/w.bin", "./w.bin", "model.onnx.data", "..w", "a..b/c"} {
		info, err := ReadInfoBytes(externalModel(good), "m.onnx")
		require.NoError(t, err, good)
		require.Equal(t, []string{good}, info.External)
	}
}

// Weights hide in Constant nodes, in nested graphs and in functions too.
func TestExternalWeightsAreFoundEverywhere(t *testing.T) {
	var tensor, attribute, node, graph, outer, outerNode, function, m message
	externalTensor(&tensor, "../secret")
	attribute.message(5, &tensor)
	node.message(5, &attribute)
	graph.message(1, &node)
	outer.message(6, &graph)
	outerNode.message(5, &outer)
	function.message(7, &node)
	m.message(25, &function)
	var sparse, defaults message
	sparse.message(2, &tensor)
	defaults.message(11, &attribute)
	var inFunction message
	inFunction.message(25, &defaults)
	for name, model := range map[string][]byte{
		"initializer":         externalModel("../secret"),
		"Constant":            modelOf(func(g *message) { g.message(1, &node) }),
		"nested graph":        modelOf(func(g *message) { g.message(1, &outerNode) }),
		"sparse":              modelOf(func(g *message) { g.message(15, &sparse) }),
		"function":            append(modelOf(func(*message) {}), m.open...),
		"default of function": append(modelOf(func(*message) {}), inFunction.open...),
	} {
		_, err := ReadInfoBytes(model, "m.onnx")
		require.ErrorContains(t, err, `m.onnx: external weights "../secret": `, name)
	}
}

func TestExternalFilesMustExistAndBeLongEnough(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, size int) {
		path := filepath.Join(folder, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, make([]byte, size), 0o600))
	}
	write("whole.bin", 400)
	write("short.bin", 399)
	write("sub/deep.bin", 400)
	for _, c := range []struct {
		model []byte
		want  string
	}{
		{externalModel("whole.bin"), ""},
		{externalModel("whole.bin", "offset", "0", "length", "400"), ""},
		{externalModel("sub/deep.bin"), ""},
		{externalModel("short.bin"), "holds 399 bytes where the model expects at least 400"},
		{externalModel("whole.bin", "offset", "1"), "holds 400 bytes where the model expects at least 401"},
		{externalModel("whole.bin", "length", "4096"), "expects at least 4096"},
		// A length below the tensor's size does not make the tensor smaller.
		{externalModel("short.bin", "length", "4"), "expects at least 400"},
		{externalModel("missing.bin"), "put it beside the model"},
		{externalModel("sub"), "is no regular file"},
	} {
		path := filepath.Join(folder, "m.onnx")
		require.NoError(t, os.WriteFile(path, c.model, 0o600))
		info, err := ReadInfo(path)
		require.NoError(t, err)
		if err := info.CheckExternal(); c.want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, c.want)
		}
	}
}

func TestLinksDoNotLeadOutOfTheFolder(t *testing.T) {
	folder := t.TempDir()
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret.bin")
	require.NoError(t, os.WriteFile(secret, make([]byte, 400), 0o600))
	path := filepath.Join(folder, "m.onnx")
	require.NoError(t, os.WriteFile(path, externalModel("w.bin"), 0o600))
	link := filepath.Join(folder, "w.bin")
	if err := os.Symlink(secret, link); err != nil {
		t.Skipf("no links on this system: %v", err)
	}
	info, err := ReadInfo(path)
	require.NoError(t, err)
	require.ErrorContains(t, info.CheckExternal(), "outside the model's folder")

	// A link to a folder is no way out either.
	require.NoError(t, os.Remove(link))
	require.NoError(t, os.Symlink(outside, filepath.Join(folder, "sub")))
	require.NoError(t, os.WriteFile(path, externalModel("sub/secret.bin"), 0o600))
	info, err = ReadInfo(path)
	require.NoError(t, err)
	require.ErrorContains(t, info.CheckExternal(), "outside the model's folder")

	// A link that stays inside is fine.
	require.NoError(t, os.WriteFile(filepath.Join(folder, "real.bin"), make([]byte, 400), 0o600))
	require.NoError(t, os.Symlink("real.bin", link))
	require.NoError(t, os.WriteFile(path, externalModel("w.bin"), 0o600))
	info, err = ReadInfo(path)
	require.NoError(t, err)
	require.NoError(t, info.CheckExternal())
}

// Caches of model hubs keep files in one folder of blobs and give them their names by links from another.
func TestModelsAndWeightsMayBothBeLinksIntoOneFolder(t *testing.T) {
	root := t.TempDir()
	blobs, names := filepath.Join(root, "blobs"), filepath.Join(root, "snapshots", "main")
	require.NoError(t, os.MkdirAll(blobs, 0o700))
	require.NoError(t, os.MkdirAll(names, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(blobs, "aaaa"), externalModel("model.onnx.data"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(blobs, "bbbb"), make([]byte, 400), 0o600))
	for name, blob := range map[string]string{"model.onnx": "aaaa", "model.onnx.data": "bbbb"} {
		if err := os.Symlink(filepath.Join("..", "..", "blobs", blob), filepath.Join(names, name)); err != nil {
			t.Skipf("no links on this system: %v", err)
		}
	}
	info, err := ReadInfo(filepath.Join(names, "model.onnx"))
	require.NoError(t, err)
	require.NoError(t, info.CheckExternal())
}

func TestExternalWeightsOfAModelInTheCurrentFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("m.onnx", externalModel("w.bin"), 0o600))
	require.NoError(t, os.WriteFile("w.bin", make([]byte, 400), 0o600))
	info, err := ReadInfo("m.onnx")
	require.NoError(t, err)
	require.NoError(t, info.CheckExternal())
}
