package sampler

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/exact"
	"odeon/schedule"
)

// The density of simulated particles follows the Fokker-Planck equation of the SDE,
//
//	d rho/dt = -d/dx (f rho) + sigma^2/2 d^2 rho/dx^2,   f = u + sigma^2/2 s.
//
// The particles start where the path does not, in N(1.5, 0.5^2), so that their density is not p_t and is known from the
// equation alone: finite volumes with central fluxes, explicit in time.
func TestParticlesFollowTheFokkerPlanckEquation(t *testing.T) {
	m := exact.Mixture{Weights: []float64{0.5, 0.5}, Means: [][]float64{{-1}, {1}}, Stds: []float64{0.5, 0.4}}
	model := Model{Path: schedule.CondOT(), Prediction: schedule.Velocity}
	sigma := mustSigma(t, "1-0.5*t")
	const particles, steps, end = 40_000, 100, 0.8

	// Cells of width dx over [-5, 5]; sigma^2/2 dt/dx^2 <= 0.1.
	const cells, dx, dt = 200, 0.05, 5e-4
	rho, drift, flux := make([]float64, cells), make([]float64, cells+1), make([]float64, cells+1)
	edges := make([]float64, cells+1)
	for i := range edges {
		edges[i] = -5 + float64(i)*dx
	}
	for i := range rho {
		x := edges[i] + dx/2
		rho[i] = math.Exp(-(x-1.5)*(x-1.5)/(2*0.25)) / math.Sqrt(2*math.Pi*0.25)
	}
	score := make([]float64, cells+1)
	for k := range int(math.Round(end / dt)) {
		p := model.Path.At(float64(k) * dt)
		s, err := sigma.At(p)
		require.NoError(t, err)
		m.Predict(drift, edges, schedule.Velocity, p)
		m.Predict(score, edges, schedule.Score, p)
		for i := 1; i < cells; i++ { // nothing crosses the outer edges
			f := drift[i] + s*s/2*score[i]
			flux[i] = f*(rho[i-1]+rho[i])/2 - s*s/2*(rho[i]-rho[i-1])/dx
		}
		for i := range rho {
			rho[i] -= dt / dx * (flux[i+1] - flux[i])
		}
	}

	plan := mustPlan(t, model, Settings{Steps: steps, To: ptr(end), Sigma: sigma})
	x := NewState(make([]float32, particles), particles, 0)
	noise := Philox{Seed: 11}
	require.NoError(t, noise.Normals(x.X, 0, particles, 0))
	for i := range x.X {
		x.X[i] = 1.5 + 0.5*x.X[i]
	}
	require.NoError(t, Run(t.Context(), plan, perfect(m, model), x, noise, nil))

	// Bins of five cells. With p the share of a bin, the distance of a histogram from its own law is about
	// sum sqrt(2 p (1-p)/(pi n)), here 0.02; Euler-Maruyama's error of order h comes on top.
	histogram := make([]float64, cells/5)
	for _, v := range x.X {
		histogram[int((float64(v)+5)/(5*dx))] += 1.0 / particles
	}
	fromEquation, fromPath, expected := 0.0, 0.0, 0.0
	at := model.Path.At(end)
	for b := range histogram {
		mass := 0.0
		for _, r := range rho[5*b : 5*b+5] {
			mass += r * dx
		}
		fromEquation += math.Abs(histogram[b] - mass)
		fromPath += math.Abs(histogram[b] - (m.CDF(edges[5*b+5], at) - m.CDF(edges[5*b], at)))
		expected += math.Sqrt(2 * max(mass, 0) * (1 - mass) / (math.Pi * particles))
	}
	require.Less(t, fromEquation, 1.5*expected+1.0/steps)
	require.Greater(t, fromPath, 0.3, "the test would see the difference")
}
