package schedule_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

func TestDiffusionsFollowTheirFormulas(t *testing.T) {
	path := schedule.CondOT()
	for text, want := range map[string]float64{
		"0":                  0,
		"0.5":                0.5,
		"1.5*(1-t)":          1.125,
		"beta":               0.75,
		"linear":             math.Sqrt(0.75),
		"sin^2":              math.Sin(math.Pi / 4),
		"decreasing":         (1 + math.Cos(math.Pi/4)) / 2,
		"alpha+dalpha-dbeta": 2.25,
		"forward":            math.Sqrt(2 * (0.75*0.75/0.25 + 0.75)),
		"abs(sin(2*pi*t))":   1,
	} {
		d, err := schedule.ParseDiffusion(text)
		require.NoError(t, err)
		got, err := d.At(path.At(0.25))
		require.NoError(t, err)
		require.InDelta(t, want, got, 1e-15, text)
		require.Equal(t, want == 0, d.IsZero())
		again, err := schedule.ParseDiffusion(d.String())
		require.NoError(t, err)
		require.Equal(t, d, again)
	}
	require.Equal(t, "0", schedule.Diffusion{}.String())
}

// On vp the forward process is dX = -b/2 X ds + sqrt(b) dW with b = bmin + s (bmax-bmin), s = 1-t: sigma^2 = b. On ve it is
// dX = sqrt(d beta^2/ds) dW. Song et al. 2021, equations 30 and 32.
func TestForwardDiffusionIsTheForwardProcess(t *testing.T) {
	for s := 0.0; s <= 1; s += 0.125 {
		got, err := schedule.ForwardDiffusion.At(parsePath(t, "vp(0.1,20)").At(s))
		require.NoError(t, err)
		require.InEpsilon(t, math.Sqrt(0.1+19.9*(1-s)), got, 1e-13)
		p := parsePath(t, "ve(0.02,100)").At(s)
		got, err = schedule.ForwardDiffusion.At(p)
		require.NoError(t, err)
		require.InEpsilon(t, p.Beta*math.Sqrt(2*math.Log(100/0.02)), got, 1e-13)
	}
}

// On any path sigma^2 is beta^2 times the slope of the log-SNR: what is drawn anew as the signal fades.
func TestForwardDiffusionIsTheSlopeOfTheLogSNR(t *testing.T) {
	const h = 1e-5
	for _, text := range append([]string{"betas=linear(0.0001,0.02); count=1000"}, continuousPaths...) {
		path := parsePath(t, text)
		for _, s := range []float64{0.1115, 0.3335, 0.5555, 0.7775} { // between the entries of the table
			p := path.At(s)
			got, err := schedule.ForwardDiffusion.At(p)
			require.NoError(t, err)
			slope := (path.At(s+h).LogSNR() - path.At(s-h).LogSNR()) / (2 * h)
			require.InEpsilon(t, p.Beta*p.Beta*slope, got*got, 1e-6, "%s at t=%g", text, s)
		}
	}
}

func TestDiffusionsThatAreNoneAreErrors(t *testing.T) {
	for text, says := range map[string]string{
		"-1":     "sigma is the constant -1; expected a finite number, 0 or above",
		"1/0":    "sigma is the constant 1/0",
		"foward": `unknown name "foward"`,
		"sigma":  `expected a number, pi, a variable (t, alpha, beta, dalpha, dbeta)`,
		"":       "or one of the names forward, beta, linear, sin^2, decreasing",
	} {
		_, err := schedule.ParseDiffusion(text)
		require.ErrorContains(t, err, says)
	}
	negative, err := schedule.ParseDiffusion("t-0.5")
	require.NoError(t, err)
	_, err = negative.At(schedule.CondOT().At(0.25))
	require.ErrorContains(t, err, "sigma = t-0.5 is -0.25 at t=0.25")
	_, err = schedule.ForwardDiffusion.At(schedule.CondOT().At(0))
	require.ErrorContains(t, err, "sigma = forward is +Inf at t=0;")
}
