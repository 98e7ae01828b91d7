package train

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheRateRisesAndFalls(t *testing.T) {
	cosine, err := ParseSchedule("")
	require.NoError(t, err)
	// Up in a straight line to a twentieth of the run, then along (1 + cos(pi f))/2 down to zero.
	for _, c := range []struct {
		k    int
		f, y float64
	}{
		{0, 0, 1e-3},
		{10, 0.025, 0.5 * (1 + math.Cos(math.Pi*0.025)) / 2},
		{20, 0.05, (1 + math.Cos(math.Pi*0.05)) / 2},
		{200, 0.5, 0.5},
		{400, 1, 0},
		{400, 1.5, 0}, // a run whose time is over
		{499, 0.01, 0.5 * (1 + math.Cos(math.Pi*0.01)) / 2}, // a long run: the warm-up is 1000 steps
		{999, 0.02, (1 + math.Cos(math.Pi*0.02)) / 2},
	} {
		require.InDelta(t, c.y, cosine.At(c.k, c.f), 1e-12, "step %d at %v", c.k, c.f)
	}
}

func TestSchedulesByNameAndFormula(t *testing.T) {
	for text, half := range map[string]float64{"cosine": 0.5, "constant": 1, "linear": 0.5, "max(0.1,1-f)^2": 0.25} {
		s, err := ParseSchedule(text)
		require.NoError(t, err)
		require.InDelta(t, half, s.At(5000, 0.5), 1e-12, text)
		again, err := ParseSchedule(s.String())
		require.NoError(t, err)
		require.Equal(t, s.String(), again.String())
	}
	for text, want := range map[string]string{
		"cosign":  `schedule "cosign": expected cosine, constant, linear or a formula in f`,
		"0.5-f":   `schedule "0.5-f": is -0.001 at f = 0.501, expected a share of the rate, 0 or more`,
		"1/f":     `schedule "1/f": is +Inf at f = 0`,
		"(1-f":    "expected cosine",
		"log(-f)": "is -Inf at f = 0",
	} {
		_, err := ParseSchedule(text)
		require.ErrorContains(t, err, want)
	}
}
