package onnx

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFilesThatAreNoModelsAreToldByTheirLooks(t *testing.T) {
	folder := t.TempDir()
	for name, c := range map[string]struct{ content, want string }{
		"grid.png":      {"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x10", "a PNG picture"},
		"weights.pth":   {"PK\x03\x04\x00\x00\x08\x08\x00\x00archive/data.pkl", "a zip archive"},
		"old.pt":        {"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "a Python pickle"},
		"noise.npy":     {"\x93NUMPY\x01\x00v\x00{'descr': '<f4'", "a NumPy array"},
		"model.ort":     {"\x20\x00\x00\x00ORTM\x00\x00\x00\x00", ".ort format"},
		"model.tflite":  {"\x1c\x00\x00\x00TFL3\x14\x00\x20\x00", "a TensorFlow Lite model"},
		"w.safetensors": {"\x40\x00\x00\x00\x00\x00\x00\x00{\"w\":{\"dtype\":\"F32\"", "a safetensors file"},
		"pointer.onnx":  {"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n", "`git lfs pull`"},
		"login.onnx":    {"<!DOCTYPE html><html><head><title>Sign in</title>", "a web page"},
		"card.json":     {"{\n  \"prediction\": \"velocity\"\n}\n", "JSON text"},
		"notes.txt":     {"The model is in the other folder.\n", "a text"},
		"umlaut.txt":    {"Größe: 64 × 64, Übung\n", "a text"},
		"zeros.onnx":    {string(make([]byte, 4096)), "nothing but zeros"},
		"packed.gz":     {"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", "gzip"},
	} {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(c.content), 0o600))
		_, err := ReadInfo(path)
		require.ErrorContains(t, err, path+": not an ONNX model: the file looks like ", name)
		require.ErrorContains(t, err, c.want, name)
	}
}

func TestWhatIsNoFileIsNotOpened(t *testing.T) {
	folder := t.TempDir()
	_, err := ReadInfo(folder)
	require.EqualError(t, err, folder+": is a folder where an ONNX file is expected")

	_, err = ReadInfo(filepath.Join(folder, "missing.onnx"))
	require.ErrorIs(t, err, os.ErrNotExist)

	empty := filepath.Join(folder, "empty.onnx")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	_, err = ReadInfo(empty)
	require.EqualError(t, err, empty+": not an ONNX model: the file is empty")

	if _, err := os.Stat(os.DevNull); err == nil {
		_, err = ReadInfo(os.DevNull)
		require.ErrorContains(t, err, "where an ONNX file is expected")
	}
}

// The looks are asked only for files that could not be read: an ONNX file may begin with nearly anything.
func TestAModelIsAModelWhateverItsFirstBytes(t *testing.T) {
	var m, g message
	g.text(2, "{ text first }")
	g.text(10, string(bytes.Repeat([]byte("words "), 100)))
	m.message(7, &g)
	require.Equal(t, byte(':'), m.open[0])
	info, err := ReadInfoBytes(m.open, "graph-first.onnx")
	require.NoError(t, err)
	require.Equal(t, "{ text first }", info.Graph)
}
