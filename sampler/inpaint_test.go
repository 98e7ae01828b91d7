package sampler

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

// pair is the exact field of two normals with unit variance and correlation rho: E[z | x] = alpha S (alpha^2 S + beta^2 I)^-1 x, which in the
// coordinates x0+x1 and x0-x1, of variances 1+rho and 1-rho, is a factor on each.
func pair(rho float64, model Model) Func {
	return func(dst, x []float32, at At) {
		p := model.Path.At(at.T)
		factor := func(variance float64) float64 { return p.Alpha * variance / (p.Alpha*p.Alpha*variance + p.Beta*p.Beta) }
		both, apart := factor(1+rho), factor(1-rho)
		to, err := schedule.Convert(model.Path, schedule.Data, model.Prediction, at.T)
		if err != nil {
			panic(err)
		}
		for i := 0; i < len(x); i += 2 {
			a, b := float64(x[i]), float64(x[i+1])
			sum, diff := both*(a+b), apart*(a-b)
			dst[i] = float32(to.X*a + to.P*(sum+diff)/2)
			dst[i+1] = float32(to.X*b + to.P*(sum-diff)/2)
		}
	}
}

func mustInpaint(t *testing.T, net Network, plan *Plan, known Known) Network {
	t.Helper()
	net, err := Inpaint(net, plan, known)
	require.NoError(t, err)
	return net
}

func TestInpaintingNeedsItsPlan(t *testing.T) {
	_, err := Inpaint(nil, mustPlan(t, Model{Path: schedule.CondOT(), Prediction: schedule.Velocity}, Settings{}), Known{})
	require.ErrorContains(t, err, "not made for data that are known in part")
}

// given is the moments of the two normals under the plan of a walk where the first is known to be a: every row is affine in x and so are the
// predictions, p = G x + g.
func given(t *testing.T, plan *Plan, rho, a float64, model Model) (mean [2]float64, cov [2][2]float64) {
	t.Helper()
	mean[0] = plan.Signal * a
	cov[0][0], cov[1][1] = plan.Start*plan.Start, plan.Start*plan.Start
	net := mustInpaint(t, pair(rho, model), plan, Known{Data: Rows{Data: []float32{float32(a), 0}, Dim: 2}, Mask: Rows{Data: []float32{0, 1}, Dim: 2}})
	for i := range plan.Rows {
		row := &plan.Rows[i]
		require.True(t, row.A0 == 0 && len(row.B) <= 1)
		m, c := [2][2]float64{{row.A, 0}, {0, row.A}}, [2]float64{}
		if row.Call {
			p := make([]float32, 6)
			require.NoError(t, net.Predict(context.Background(), p, []float32{0, 0, 1, 0, 0, 1}, row.At(0, 3)))
			for k := range 2 {
				c[k] = row.B[0] * float64(p[k])
				for j := range 2 {
					m[k][j] += row.B[0] * float64(p[2+2*j+k]-p[k])
				}
			}
		}
		var next [2][2]float64
		for k := range 2 {
			c[k] += m[k][0]*mean[0] + m[k][1]*mean[1]
			for j := range 2 {
				for u := range 2 {
					for v := range 2 {
						next[k][j] += m[k][u] * cov[u][v] * m[j][v]
					}
				}
			}
			next[k][k] += row.C * row.C
		}
		mean, cov = c, next
	}
	return mean, cov
}

// Of two normals with correlation 0.8 the first is known to be 1: the second is then N(0.8, 0.36). One pass of the ODE comes to
// less than half of that mean, since it sees the known one through noise until late. Noise that is turned over makes it better, and
// walking every step again and again exact, up to the length of the steps.
func TestResamplingPaintsWhatIsKnown(t *testing.T) {
	model := Model{Path: schedule.CondOT(), Prediction: schedule.Data}
	for _, c := range []struct {
		set            Settings
		mean, variance float64
		within         float64
	}{
		{Settings{Steps: 100}, 0.345, 0.658, 0.005},
		{Settings{Steps: 100, Solver: DDPM}, 0.494, 0.517, 0.005},
		{Settings{Steps: 100, Solver: DDIM, Resample: Resample{Times: 10}}, 0.734, 0.369, 0.005},
		{Settings{Steps: 100, Solver: DDIM, Resample: Resample{Times: 10, Length: 10}}, 0.729, 0.373, 0.005},
		{Settings{Steps: 100, Solver: DDPM, Resample: Resample{Times: 10}}, 0.767, 0.330, 0.005},
		{Settings{Steps: 400, Solver: DDIM, Resample: Resample{Times: 100}}, 0.8, 0.36, 0.012},
		{Settings{Steps: 1600, Solver: DDIM, Resample: Resample{Times: 100}}, 0.8, 0.36, 0.0065},
	} {
		c.set.Known, c.set.Strength = true, 1
		plan := mustPlan(t, model, c.set)
		mean, cov := given(t, plan, 0.8, 1, model)
		require.InDelta(t, 1, mean[0], 1e-4)
		require.InDelta(t, 0, cov[0][0], 1e-6)
		require.InDelta(t, c.mean, mean[1], c.within, "%+v", c.set)
		require.InDelta(t, c.variance, cov[1][1], c.within, "%+v", c.set)
	}
}

// Under an ODE the known part stands at alpha z + beta eps with the start's eps all along, by every solver.
func TestKnownDataMoveAlongTheirPath(t *testing.T) {
	const a = 0.7
	known := Known{Data: Rows{Data: []float32{a, 0}, Dim: 2}, Mask: Rows{Data: []float32{0, 1}, Dim: 2}}
	for _, path := range []string{"condot", "vp(0.1,20)", "ve(0.02,20)", "betas=linear(1e-4,0.02); count=1000"} {
		for name, prediction := range predictions {
			model := Model{Path: mustPath(t, path), Prediction: prediction}
			for _, s := range []Solver{Euler, Heun, DDIM, LMS, DEIS} {
				set := Settings{Solver: s, Steps: 100, Known: true, Strength: 1}
				if s.highest > 0 {
					set.Order = 2
				}
				plan, noise := mustPlan(t, model, set), Philox{Seed: 1}
				state := NewState(make([]float32, 2), 1, 0)
				eps := make([]float32, 2)
				require.NoError(t, noise.Normals(eps, 0, 1, 0))
				require.NoError(t, state.Noised(plan, noise, known.Data))
				within := 1e-3
				if s.Name == "euler" || s.Name == "heun" { // elsewhere the path is not straight, or the solver is exact
					within = 0.05 * model.Path.At(plan.From).Beta
				}
				require.NoError(t, Run(context.Background(), plan, mustInpaint(t, pair(0.8, model), plan, known), state, nil, ObserverFunc(func(row *Row, x []float32) {
					p := model.Path.At(row.Next)
					if row.Note != "" && row.Next == 1 {
						p.Beta = 0
					}
					require.InDelta(t, p.Alpha*a+p.Beta*float64(eps[0]), x[0], within, "%s %s %s t=%v", path, name, s.Name, row.Next)
				})))
				require.InDelta(t, a, state.X[0], 0.01)
			}
		}
	}
}

// Where all is to be painted nothing is different, to the last bit.
func TestAMaskOfOnesChangesNothing(t *testing.T) {
	model := Model{Path: schedule.CondOT(), Prediction: schedule.Velocity}
	known := Known{Data: Rows{Data: []float32{5, 5}, Dim: 2}, Mask: Rows{Data: []float32{1, 1}, Dim: 2}}
	walk := func(set Settings, wrap func(Network, *Plan) Network) []float32 {
		plan, noise := mustPlan(t, model, set), Philox{Seed: 2}
		state := NewState(make([]float32, 8), 4, 0)
		require.NoError(t, state.Draw(plan, noise))
		require.NoError(t, Run(context.Background(), plan, wrap(pair(0.8, model), plan), state, noise, nil))
		return state.X
	}
	for _, s := range []Solver{Euler, DDIM, DDPM, LMS} {
		plain := walk(Settings{Steps: 10, Solver: s}, func(n Network, _ *Plan) Network { return n })
		masked := walk(Settings{Steps: 10, Solver: s, Known: true}, func(n Network, p *Plan) Network { return mustInpaint(t, n, p, known) })
		require.Equal(t, plain, masked)
	}
}

// A mask between 0 and 1 mixes, and each sample has its own.
func TestInpaintMixesByTheMask(t *testing.T) {
	net := mustInpaint(t, Func(func(dst, x []float32, at At) { clear(dst) }), &Plan{}, Known{
		Data: Rows{Data: []float32{1, 2, 3, 4}, Dim: 2, First: 5}, Mask: Rows{Data: []float32{0, 0.25, 1, 0.75}, Dim: 2, First: 5},
	})
	dst := make([]float32, 4)
	require.NoError(t, net.Predict(context.Background(), dst, []float32{1, 1, 1, 1}, At{First: 5, KnownX: 10, KnownZ: 1}))
	require.Equal(t, []float32{11, 9, 0, 3.5}, dst)
	require.ErrorContains(t, net.Predict(context.Background(), dst, []float32{1, 1, 1, 1}, At{First: 6, KnownZ: 1}), "one for every sample")
}
