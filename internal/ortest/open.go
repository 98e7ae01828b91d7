package ortest

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/onnx"
)

// Open is ONNX Runtime, which is installed where there is none.
func Open(t testing.TB) *onnx.Runtime {
	t.Helper()
	library, err := onnx.Find("")
	if err != nil {
		library, err = onnx.Install(t.Context(), onnx.InstallOptions{})
	}
	require.NoError(t, err)
	return open(t, library)
}

// Found is ONNX Runtime, or the test is skipped where there is none.
func Found(t testing.TB) *onnx.Runtime {
	t.Helper()
	library, err := onnx.Find("")
	if errors.As(err, new(*onnx.NotFoundError)) {
		t.Skip("there is no ONNX Runtime on this machine; odeon runtime install gets one")
	}
	require.NoError(t, err)
	return open(t, library)
}

func open(t testing.TB, library onnx.Library) *onnx.Runtime {
	t.Helper()
	runtime, err := onnx.Open(library)
	require.NoError(t, err)
	return runtime
}
