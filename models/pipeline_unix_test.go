//go:build unix

package models

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A pipe in place of a file would be waited for.
func TestAPipeInAFolderIsNoFile(t *testing.T) {
	for _, name := range []string{"model_index.json", "unet/model.onnx", "unet/config.json", "scheduler/scheduler_config.json"} {
		dir := pipelineFolder(t, ddpmFiles(t))
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.Remove(path))
		require.NoError(t, syscall.Mkfifo(path, 0o644))
		_, err := Open(dir)
		require.ErrorContains(t, err, "found a device or pipe, expected a file", name)
	}
}
