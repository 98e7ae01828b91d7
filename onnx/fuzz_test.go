package onnx

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzReadInfo looks for bytes on which reading panics, hangs, allocates by the file's word, or answers nothing. Beside
// these seeds, testdata/fuzz/FuzzReadInfo holds files by which other readers of protobuf were broken.
func FuzzReadInfo(f *testing.F) {
	f.Add(built(f, sampleGraph()))
	f.Add(externalModel("w.bin", "offset", "64", "length", "400"))
	f.Add(nested(3))
	for _, c := range malformed {
		if len(c.model) < 1<<10 {
			f.Add(c.model)
		}
	}
	f.Fuzz(func(t *testing.T, model []byte) {
		var info *Info
		var err error
		spent := allocated(func() { info, err = ReadInfoBytes(model, "fuzz.onnx") })
		// An input takes two bytes of the file and 72 of memory, several times that while the list grows.
		require.Less(t, spent, uint64(1<<20)+300*uint64(len(model)))
		if err != nil {
			require.Regexp(t, `^fuzz\.onnx: .`, err.Error())
			require.Nil(t, info)
			return
		}
		require.GreaterOrEqual(t, info.Parameters, int64(0))
		require.GreaterOrEqual(t, info.Constants, int64(0))
		for _, location := range info.External {
			require.Empty(t, outsideFolder(location))
		}
	})
}
