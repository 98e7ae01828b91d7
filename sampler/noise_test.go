package sampler

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// numbered is an array whose entry says where it stands: row, column, element as three digits.
func numbered(rows, n, dim int) (data []float32) {
	for r := range rows {
		for s := range n {
			for e := range dim {
				data = append(data, float32(100*r+10*s+e))
			}
		}
	}
	return data
}

func TestRecordedNoiseServesItsRowsAndColumns(t *testing.T) {
	recorded, err := NewRecorded(numbered(3, 4, 2), 3, 4, 2)
	require.NoError(t, err)
	require.Equal(t, []float32{0, 1, 10, 11, 20, 21, 30, 31}, normals(t, recorded, 0, 4, 1, 2))
	require.Equal(t, []float32{210, 211, 220, 221}, normals(t, recorded, 1, 2, 3, 2))
	require.NoError(t, recorded.Normals(nil, 0, 0, 1))

	// The run's first sample is number 5, the file's first column is that sample.
	recorded.First = 5
	require.Equal(t, []float32{110, 111, 120, 121, 130, 131}, normals(t, recorded, 6, 3, 2, 2))
}

func TestRecordedNoiseNamesWhatIsMissing(t *testing.T) {
	recorded, err := NewRecorded(numbered(3, 4, 2), 3, 4, 2)
	require.NoError(t, err)
	two := make([]float32, 4)
	require.EqualError(t, recorded.Normals(two, 0, 2, 4), "recorded noise has 3 draws, 1 to 3, and the walk asks for draw 4: give a row for every draw")
	require.ErrorContains(t, recorded.Normals(two, 0, 2, 0), "asks for draw 0")
	require.EqualError(t, recorded.Normals(two, 3, 2, 1), "recorded noise has 4 samples, 0 to 3, and the walk asks for 2 samples, 3 to 4: give a column for every sample")
	require.EqualError(t, recorded.Normals(two, 0, 1, 1), "recorded noise has samples of 2 elements, the state has samples of 4")
	require.ErrorContains(t, recorded.Normals(two[:3], 0, 2, 1), "3 numbers does not hold 2 samples")

	recorded.First = 5
	require.EqualError(t, recorded.Normals(two[:2], 4, 1, 1), "recorded noise has 4 samples, 5 to 8, and the walk asks for one sample, number 4: give a column for every sample")

	empty, err := NewRecorded(nil, 0, 4, 2)
	require.NoError(t, err)
	require.ErrorContains(t, empty.Normals(two, 0, 2, 1), "has no draws")
}

func TestRecordedNoiseHasTheShapeItIsSaidToHave(t *testing.T) {
	for _, shape := range [][3]int{{3, 4, 1}, {3, 4, 3}, {-3, -4, 2}, {0, 4, 2}, {1 << 30, 1 << 30, 1 << 30}} {
		_, err := NewRecorded(numbered(3, 4, 2), shape[0], shape[1], shape[2])
		require.EqualError(t, err, fmt.Sprintf("recorded noise: 24 numbers do not make up %d draws of %d samples of %d elements", shape[0], shape[1], shape[2]))
	}
}

func TestStartAndStepsMayHaveDifferentSources(t *testing.T) {
	start, err := NewRecorded([]float32{1, 2, 3, 4}, 1, 2, 2)
	require.NoError(t, err)
	start.First, start.Draw = 5, 0
	steps, err := NewRecorded([]float32{5, 6, 7, 8}, 1, 2, 2)
	require.NoError(t, err)
	steps.First = 5
	philox := Philox{Seed: 1}

	mixed := Composite{Start: start, Steps: philox}
	require.Equal(t, []float32{3, 4}, normals(t, mixed, 6, 1, 0, 2))
	require.Equal(t, normals(t, philox, 6, 1, 1, 2), normals(t, mixed, 6, 1, 1, 2))

	mixed = Composite{Start: philox, Steps: steps}
	require.Equal(t, normals(t, philox, 5, 2, 0, 2), normals(t, mixed, 5, 2, 0, 2))
	require.Equal(t, []float32{5, 6, 7, 8}, normals(t, mixed, 5, 2, 1, 2))
	require.ErrorContains(t, mixed.Normals(make([]float32, 2), 5, 1, 2), "asks for draw 2")
}

// forward is noise that only a walk may ask for.
type forward struct{ Noise }

func (forward) Normals([]float32, int, int, int) error { return errors.New("not on a walk") }
func (f forward) Walk(int, int) Noise                  { return f.Noise }

func TestAJobAsksForTheNoiseOfEachWalk(t *testing.T) {
	plan, err := OrnsteinUhlenbeck(1, 1, 0.5, 4)
	require.NoError(t, err)
	noise := forward{Philox{Seed: 2}}
	job := Job{
		Plan: plan, N: 5, Dim: 2, Chunk: 2, Noise: Composite{Start: noise, Steps: noise},
		Network: func(int) (Network, error) { return nil, nil },
	}
	require.NoError(t, job.Run(t.Context(), func([]float32, int, int) error { return nil }))
}
