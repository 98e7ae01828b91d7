package sampler

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/exact"
	"odeon/schedule"
)

// apart is the distance of Kolmogorov and Smirnov between a sample and a mixture's distribution at a point of the path.
func apart(x []float32, m exact.Mixture, p schedule.Point) float64 {
	slices.Sort(x)
	most := 0.0
	for i, v := range x {
		f := m.CDF(float64(v), p)
		most = max(most, math.Abs(f-float64(i)/float64(len(x))), math.Abs(float64(i+1)/float64(len(x))-f))
	}
	return most
}

// Whatever noise a solver draws, the samples are those of the data: a Gaussian's, and a mixture's. Samples of the same size straight from
// the distribution come as far apart once in a hundred times.
func TestStochasticSolversSampleTheData(t *testing.T) {
	const n = 3000
	bound := 1.63 / math.Sqrt(n)
	for _, c := range []struct {
		name string
		s    Settings
	}{
		{"euler", Settings{Sigma: mustSigma(t, "1.5*(1-t)")}}, {"euler", Settings{Sigma: mustSigma(t, "forward")}},
		{"ddpm", Settings{}}, {"ddim", Settings{Eta: ptr(0.6)}},
		{"exponential-ab", Settings{Sigma: mustSigma(t, "1")}}, {"exponential-ab", Settings{Sigma: mustSigma(t, "sin^2")}}, {"exponential-ab", Settings{Eta: ptr(1.0)}},
		{"dpmpp-2m", Settings{Sigma: mustSigma(t, "beta")}}, {"dpmpp-2m-sde", Settings{}}, {"dpmpp-2m-sde-heun", Settings{}}, {"dpmpp-3m-sde", Settings{}},
		{"dpmpp-sde", Settings{}}, {"dpm-2m-sde", Settings{}}, {"sa", Settings{Eta: ptr(1.0)}}, {"unipc", Settings{Eta: ptr(0.7)}},
		{"dpmpp-2s-ancestral", Settings{}}, {"euler-ancestral", Settings{}}, {"kdpm2-ancestral", Settings{}},
		{"euler-churn", Settings{Churn: Churn{Amount: 10}}}, {"heun-churn", Settings{Churn: Churn{Amount: 20, Noise: 1}}},
		{"predictor-corrector", Settings{Corrector: Corrector{Ratio: 0.1}}},
	} {
		solver, err := SolverByName(c.name)
		require.NoError(t, err)
		for what, m := range map[string]exact.Mixture{"gaussian": gaussian(0.7, 0.5), "mixture": triple} {
			for _, path := range []string{"condot", "cosine"} {
				t.Run(c.name+" "+c.s.Sigma.String()+" "+what+" "+path, func(t *testing.T) {
					t.Parallel()
					model := Model{Path: mustPath(t, path), Prediction: schedule.Data}
					set := c.s
					set.Solver, set.Steps, set.Grid, set.From, set.To = solver, 150, schedule.LogSNR, ptr(0.02), ptr(0.97)
					plan := mustPlan(t, model, set)
					require.Positive(t, plan.Draws())
					x := NewState(make([]float32, n), n, 0)
					for i := range x.X { // the quantiles of the distribution at the start
						x.X[i] = float32(quantile(m, (float64(i)+0.5)/n, model.Path.At(plan.From)))
					}
					require.NoError(t, Run(context.Background(), plan, perfect(m, model), x, Philox{Seed: 3}, nil))
					require.Less(t, apart(x.X, m, model.Path.At(plan.To)), bound)
				})
			}
		}
	}
}

// The last step without its noise, or by the ODE, or to the data prediction: what the rows are.
func TestTheLastStepIsTakenAsAskedFor(t *testing.T) {
	sde := Settings{Sigma: mustSigma(t, "1.5*(1-t)"), Steps: 4, From: ptr(0.1), To: ptr(0.9), Last: "none"}
	plain := mustPlan(t, condot, sde)
	with := func(s Settings, last string) (*Plan, Row) {
		s.Last = last
		plan := mustPlan(t, condot, s)
		require.Equal(t, plain.Rows[:3], plan.Rows[:3], "all but the last step stay")
		return plan, plan.Rows[len(plan.Rows)-1]
	}
	_, mean := with(sde, "mean")
	require.Equal(t, plain.Rows[3].B, mean.B)
	require.Equal(t, plain.Rows[3].A, mean.A)
	require.Zero(t, mean.C)
	require.Zero(t, mean.Draw)
	_, ode := with(sde, "ode")
	walked := mustPlan(t, condot, Settings{Steps: 4, From: ptr(0.1), To: ptr(0.9), Last: "none"})
	require.Equal(t, walked.Rows[3].B, ode.B)
	require.Equal(t, walked.Rows[3].A, ode.A)
	require.Zero(t, ode.Draw)
	noisy := sde
	noisy.Last = "denoise" // noise is left at t = 0.9, so that one of the steps is this
	plan := mustPlan(t, condot, noisy)
	require.Equal(t, 4, plan.Steps)
	require.Equal(t, 0.9, plan.Rows[3].T)
	require.Equal(t, 1.0, plan.Rows[3].Next)

	// To clean data the SDE's last step leaves its noise; the data prediction does not.
	sde.To = nil
	plain = mustPlan(t, condot, sde)
	require.NotZero(t, plain.Rows[3].C)
	_, data := with(sde, "denoise")
	require.Zero(t, data.C)
	a, p := ofThePrediction(data)
	require.InDeltaSlice(t, []float64{1, 1 - data.T}, []float64{a, p}, 1e-12, "z = x + (1-t) u on the straight path")

	// Every solver with noise can do without it at last.
	for _, s := range Solvers() {
		set := Settings{Solver: s, Steps: 6, From: ptr(0.1), To: ptr(0.9)}
		if s.knows&byChurn != 0 {
			set.Churn = Churn{Amount: 2}
		}
		if s.eta == 0 && s.hasEta() {
			set.Eta = ptr(0.5)
		}
		drawn := mustPlan(t, condot, set).Draws()
		for _, last := range []string{"mean", "ode"} {
			set.Last = last
			plan, err := NewPlan(condot, set)
			switch {
			case drawn == 0:
				require.ErrorContains(t, err, "draws none", s.Name)
			case err != nil:
				require.ErrorContains(t, err, "has no ODE", s.Name)
				require.Equal(t, "ode", last)
			default:
				for _, row := range plan.Rows {
					require.False(t, row.Step == 5 && (row.C != 0 || row.Draw != 0), "%s %s", s.Name, last)
				}
			}
		}
	}
	// Also where the walk starts later than its first time.
	_, err := NewPlan(Model{Path: schedule.CondOT(), Prediction: schedule.Noise}, Settings{Last: "mean"})
	require.ErrorContains(t, err, "draws none")
	// Where the last step has none, it is said.
	plan = mustPlan(t, condot, Settings{Solver: DDPM, Last: "mean"})
	require.Contains(t, plan.Warnings, "last mean changes nothing: the last step draws no noise as it is")
}
