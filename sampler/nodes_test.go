package sampler

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

// levels are nodes of noise levels on x = z + sigma eps.
func levels(path schedule.Path, sigmas ...float64) (nodes []Node) {
	for _, sigma := range sigmas {
		n := Node{T: 1, Alpha: 1, Beta: sigma}
		if sigma > 0 {
			n.T = schedule.TimeAt(path, -2*math.Log(sigma))
		}
		nodes = append(nodes, n)
	}
	return nodes
}

func TestDrawsUnderNodesFollowOneAnother(t *testing.T) {
	path := mustPath(t, "ve(0.02,80)")
	plan := mustPlan(t, Model{Path: path, Prediction: schedule.Noise},
		Settings{Solver: EulerLateChurn, Nodes: levels(path, 50, 20, 5, 1, 0), Churn: Churn{Amount: 1, Min: 2, Max: 30}})
	var draws []int
	for _, row := range plan.Rows {
		draws = append(draws, row.Draw)
	}
	require.Equal(t, []int{0, 1, 2, 0}, draws, "only where noise is added, and no number is left out")
}

// With Y = X + s_noise sqrt(sigma_hat^2 - sigma^2) xi and a network of noise, x' = Y + (sigma' - sigma_hat) p.
func TestLateChurnAddsItsNoiseAfterTheCall(t *testing.T) {
	path := mustPath(t, "ve(0.02,80)")
	plan := mustPlan(t, Model{Path: path, Prediction: schedule.Noise},
		Settings{Solver: EulerLateChurn, Nodes: levels(path, 10, 4, 0), Churn: Churn{Amount: 0.5, Noise: 1.1}})
	hat := 10 * 1.25
	row := plan.Rows[0]
	require.InDelta(t, 1, row.A, 1e-12)
	require.InDelta(t, 4-hat, row.B[0], 1e-12)
	require.InDelta(t, 1.1*math.Sqrt(hat*hat-100), row.C, 1e-12)

	without := mustPlan(t, Model{Path: path, Prediction: schedule.Noise}, Settings{Solver: EulerLateChurn, Nodes: levels(path, 10, 4, 0)})
	ddim := mustPlan(t, Model{Path: path, Prediction: schedule.Noise}, Settings{Solver: DDIM, Nodes: levels(path, 10, 4, 0)})
	require.Equal(t, ddim.Rows, without.Rows, "without churn it is Euler in the noise level")
}

func TestANodesOrderMakesAStepEulers(t *testing.T) {
	nodes := []Node{{T: 0.2}, {T: 0.6, Order: 1}, {T: 0.9}}
	plan := mustPlan(t, Model{Path: schedule.CondOT(), Prediction: schedule.Velocity}, Settings{Solver: Heun, Nodes: nodes})
	require.Equal(t, 3, plan.Calls(), "two of Heun's and one of Euler's")
}

func TestTheStartAndTheEndOfAWalkCanBeGiven(t *testing.T) {
	start := 3.5
	path := mustPath(t, "betas=linear(1e-4,0.02); count=1000")
	end := schedule.Index(99)
	plan := mustPlan(t, Model{Path: path, Prediction: schedule.Noise}, Settings{Solver: DDIM, Steps: 4, EndIndex: &end, Last: "rescale", Start: &start})
	require.Equal(t, 3.5, plan.Start)
	last := plan.Rows[len(plan.Rows)-1]
	require.False(t, last.Call)
	require.InDelta(t, 1/path.At(0.9).Alpha, last.A, 1e-12)
	require.Equal(t, 4, plan.Steps)
	start = -1
	_, err := NewPlan(Model{Path: path, Prediction: schedule.Noise}, Settings{Solver: DDIM, Start: &start})
	require.ErrorContains(t, err, "standard deviation")
}
