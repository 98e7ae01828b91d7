package cli

import (
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/models"
	"odeon/sampler"
)

func TestOneNumberHasNoDeviationToBeRescaledTo(t *testing.T) {
	model, err := models.Open("glyphs")
	require.NoError(t, err)
	r := models.Resolve(model)
	require.NoError(t, walk{guidance: sampler.Guidance{Weight: 2, Rescale: 0.5, Dim: 256}}.canGuide(r))
	require.EqualError(t, walk{guidance: sampler.Guidance{Weight: 2, Rescale: 0.5, Dim: 1}}.canGuide(r),
		"--guidance-rescale is of a sample's standard deviation, and a sample of glyphs is one number; leave it out")
}
