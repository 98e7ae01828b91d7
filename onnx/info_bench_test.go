package onnx

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkReadInfo reads a network of 64 MB: go test ./onnx -run - -bench ReadInfo -benchmem.
func BenchmarkReadInfo(b *testing.B) {
	path := filepath.Join("..", "..", "shared", "pretrained", "anime64", "model.onnx")
	if _, err := os.Stat(path); err != nil {
		b.Skip("the published networks are not in ../shared")
	}
	for b.Loop() {
		_, err := ReadInfo(path)
		require.NoError(b, err)
	}
}
