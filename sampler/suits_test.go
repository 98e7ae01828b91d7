package sampler

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/schedule"
)

func TestAPlanSuitsTheModelThatItWasMadeForAndNoOther(t *testing.T) {
	long := Model{Path: mustPath(t, "betas=linear(1e-4,0.02); count=1000"), Prediction: schedule.Noise}
	models := map[string]Model{
		"condot velocity": condot,
		"condot data":     {Path: condot.Path, Prediction: schedule.Data},
		"edm":             edm(t),
		"table":           long,
	}
	for name, m := range models {
		plan := mustPlan(t, m, Settings{Steps: 3})
		for other, m := range models {
			if err := plan.Suits(m); name == other {
				require.NoError(t, err, name)
			} else {
				require.ErrorContains(t, err, "the plan is for the", "%s, %s", name, other)
			}
		}
	}
	require.ErrorContains(t, mustPlan(t, condot, Settings{Steps: 3}).Suits(models["condot data"]),
		"the plan is for the prediction velocity, and the network's is data; make the plan from this model's card")

	sde := mustPlan(t, both, Settings{Steps: 3, Sigma: mustSigma(t, "1")})
	require.NoError(t, sde.Suits(both))
	one := both
	one.Second = schedule.Prediction{}
	require.ErrorContains(t, sde.Suits(one), "the plan is for the second prediction score, and the network's is no prediction")
	require.NoError(t, mustPlan(t, one, Settings{Steps: 3}).Suits(both), "what no row reads may be there")
}

// Two tables of hundreds of numbers that part in one are told apart.
func TestLongTextsAreShownWhereTheyPart(t *testing.T) {
	numbers := strings.Repeat("0.001, ", 300)
	a, b := brieflyApart("betas=["+numbers+"0.5]", "betas=["+numbers+"0.6]")
	require.Contains(t, a, "0.5")
	require.Contains(t, b, "0.6")
	require.Less(t, len(a)+len(b), 200)
	a, b = brieflyApart("condot", "betas=["+numbers+"0.6]")
	require.Equal(t, "condot", a)
	require.True(t, strings.HasPrefix(b, "betas=[") && strings.HasSuffix(b, "..."))
}

func TestAWalkHoldsNoMoreThanItSays(t *testing.T) {
	for name, plan := range everyPlan(t) {
		const n, dim = 3, 2
		x := NewState(make([]float32, n*dim), n, 0)
		require.NoError(t, x.prepare(plan, Philox{}), name)
		held := len(x.X) + len(x.base) + len(x.xi) + len(x.xi1)
		for _, p := range x.preds {
			held += len(p)
		}
		require.Equal(t, held, n*dim*plan.States(), name)
	}
}
