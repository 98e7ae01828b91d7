package sampler

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

// stepped walks a plan from x with the normals xi in its only draw.
func stepped(t *testing.T, plan *Plan, net Network, x, xi []float32) []float32 {
	noise, err := NewRecorded(xi, 1, 1, len(xi))
	require.NoError(t, err)
	s := NewState(slices.Clone(x), 1, 0)
	require.NoError(t, Run(context.Background(), plan, net, s, noise, nil))
	return s.X
}

// learned is one ancestral step whose standard deviation is between small, at q = -1, and large, at q = 1.
func learned(t *testing.T, small, large float64) *Plan {
	std := math.Sqrt(small * large)
	to := Node{T: 0.6, Alpha: 0.6, Beta: 0.7}
	from := Node{T: 0.5, Alpha: 0.5, Beta: 0.8, Noise: &std, Widens: math.Log(large/small) / 2}
	return mustPlan(t, Model{Path: schedule.CondOT(), Prediction: schedule.Data}, Settings{Solver: DDPM, Nodes: []Node{from, to}})
}

// The network's second half says where the logarithm of the variance lies between its two ends, element by element.
func TestALearnedVarianceLiesBetweenTheTwo(t *testing.T) {
	const small, large = 0.01, 0.25
	plan := learned(t, small, large)
	require.Equal(t, LearnedVariance, plan.Second)
	net := Func(func(dst, x []float32, _ At) {
		clear(dst)
		copy(dst[len(x):], []float32{-1, 0, 1})
	})
	x := stepped(t, plan, net, []float32{0, 0, 0}, []float32{1, 1, -2})
	require.InDelta(t, small, x[0], 1e-7)
	require.InDelta(t, math.Sqrt(small*large), x[1], 1e-7)
	require.InDelta(t, -2*large, x[2], 1e-6)

	var printed bytes.Buffer
	require.NoError(t, plan.Print(&printed))
	require.Contains(t, printed.String(), "C xi exp(L q_0)")
	require.Contains(t, printed.String(), LearnedVariance)
	text, err := json.Marshal(plan)
	require.NoError(t, err)
	read, err := ReadPlan(bytes.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, plan, read)
	read.Second = ""
	require.ErrorContains(t, read.Check(), "makes no second prediction")
}

// Guidance moves the prediction away from the unconditional one, and takes the variance of the conditional half.
func TestGuidanceLeavesALearnedVariance(t *testing.T) {
	const small, large = 0.1, 0.4
	plan := learned(t, small, large)
	half := func(z, q float32) Func {
		return func(dst, x []float32, _ At) { dst[0], dst[1] = z, q }
	}
	x := stepped(t, plan, Guide(FuncPair{Cond: half(1, 1), Uncond: half(0.5, -1)}, Guidance{Weight: 3}), []float32{0}, []float32{1})
	const z = 0.5 + 3*(1-0.5)
	eps := (0 - 0.5*z) / 0.8
	require.InDelta(t, 0.6*z+0.7*eps+large, x[0], 1e-6)
}

// With a clip, DDIM's noise is what the clipped data leave of the state, or stays what it was.
func TestClippingMayLeaveTheNoiseAsItWas(t *testing.T) {
	x, eps, alpha, beta, next, left := 1.5, 0.4, 0.5, 0.8, 0.6, 0.7
	nodes := []Node{{T: 0.5, Alpha: alpha, Beta: beta}, {T: 0.6, Alpha: next, Beta: left}}
	s := Settings{Solver: DDIM, Nodes: nodes, Clip: &[2]float64{-1, 1}} // z is (1.5 - 0.32)/0.5, and 1 clipped
	for _, prediction := range []schedule.Prediction{schedule.Noise, schedule.Data, schedule.V} {
		point := schedule.Point{Alpha: alpha, Beta: beta}
		a, b := prediction.Weights(point)
		net := Func(func(dst, _ []float32, _ At) { dst[0] = float32(a*(x-beta*eps)/alpha + b*eps) })
		for _, unclipped := range []bool{false, true} {
			s.Unclipped = unclipped
			plan := mustPlan(t, Model{Path: schedule.CondOT(), Prediction: prediction}, s)
			require.Equal(t, unclipped, plan.ReadsUnclipped())
			noise := eps
			if !unclipped {
				noise = (x - alpha) / beta
			}
			require.InDelta(t, next+left*noise, stepped(t, plan, Clip(net, plan), []float32{float32(x)}, []float32{0})[0], 1e-6, "%s, unclipped %v", prediction, unclipped)
		}
	}
	s.Clip = nil
	_, err := NewPlan(Model{Path: schedule.CondOT(), Prediction: schedule.Noise}, s)
	require.ErrorContains(t, err, "give a clip, or leave unclipped out")
}

// An unconverted solver on the noise is the solver itself; on v it has the same weights, of v, and the noise is that of their mean with the
// state of the step's begin.
func TestAnUnconvertedSolverTakesItsWeightsForWhatIsPredicted(t *testing.T) {
	path := mustPath(t, "betas=linear(1e-4,0.02); count=1000")
	s := Settings{Steps: 6, Grid: schedule.Leading}
	for _, solver := range []Solver{PLMS, PNDM, IPNDM} {
		s.Solver = solver
		plain := mustPlan(t, Model{Path: path, Prediction: schedule.Noise}, s)
		onV := s
		onV.Solver = solver.Unconverted()
		require.Equal(t, plain.Rows, mustPlan(t, Model{Path: path, Prediction: schedule.Noise}, onV).Rows)
		rows := mustPlan(t, Model{Path: path, Prediction: schedule.V}, onV).Rows
		require.Len(t, rows, len(plain.Rows))
		begin := 0 // of the step
		for i, row := range rows {
			if i > 0 && rows[i-1].Ends {
				begin = i
			}
			at := path.At(rows[begin].T)
			weight := 0.0
			for j := range row.B {
				require.InDelta(t, plain.Rows[i].B[j]*at.Alpha, row.B[j], 1e-12)
				weight += plain.Rows[i].B[j]
			}
			require.InDelta(t, plain.Rows[i].A+plain.Rows[i].A0+weight*at.Beta, row.A+row.A0, 1e-12, "%s, row %d", solver.Name, i)
		}
	}
}

// What a node says of its step is for the solvers that have it.
func TestANodeSaysNothingThatItsSolverDoesNotRead(t *testing.T) {
	one := 1.0
	for _, c := range []struct {
		solver Solver
		node   Node
		says   string
	}{
		{Heun, Node{Noise: &one}, "which solver heun decides itself"},
		{LCM, Node{Eta: &one}, "solver lcm has none"},
	} {
		from := c.node
		from.T, from.Alpha, from.Beta = 0.5, 0.5, 0.5
		_, err := NewPlan(Model{Path: schedule.CondOT(), Prediction: schedule.Data}, Settings{Solver: c.solver, Nodes: []Node{from, {T: 1, Alpha: 1}}})
		require.ErrorContains(t, err, c.says)
	}
}
