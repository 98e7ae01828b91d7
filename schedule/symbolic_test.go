package schedule

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSymbolicConversionsAreConvert(t *testing.T) {
	vp, err := VP(0.1, 20)
	require.NoError(t, err)
	betas, err := Betas("linear(1e-4,0.02)", 100)
	require.NoError(t, err)
	table, err := DiscreteFromBetas(betas)
	require.NoError(t, err)
	for _, path := range []Path{CondOT(), Cosine(), vp, table} {
		own, err := NewPrediction("alpha+1", "-beta*sigma", path)
		require.NoError(t, err)
		for _, from := range append(Predictions(), own) {
			for _, to := range append(Predictions(), own) {
				for _, across := range []bool{false, true} {
					s := Symbolize(from, to, across, nil)
					for _, time := range []float64{0.1, 0.37, 0.5, 0.93} {
						want, err := Convert(path, from, to, time)
						require.NoError(t, err)
						point := WeightValues(path.At(time))
						values := append(append(point[:], point[:]...), math.NaN())
						if s.Det != nil {
							values[len(values)-1] = s.Det.Eval(values...)
						}
						require.InDelta(t, want.X, s.X.Eval(values...), 1e-12*(1+math.Abs(want.X)), "%s from %s", to, from)
						require.InDelta(t, want.P, s.P.Eval(values...), 1e-12*(1+math.Abs(want.P)), "%s from %s", to, from)
					}
				}
			}
		}
	}
}

func ExampleSymbolize() {
	s := Symbolize(Noise, Velocity, false, nil)
	fmt.Println("X =", s.X)
	fmt.Println("P =", s.P)
	s = Symbolize(Noise, Score, false, nil)
	fmt.Println("X =", s.X)
	fmt.Println("P =", s.P)
	s = Symbolize(Noise, Velocity, true, nil)
	fmt.Println("X =", s.X)
	fmt.Println("P =", s.P)
	s = Symbolize(Data, Velocity, false, map[string]float64{"dalpha": 1, "dbeta": -1}) // as along condot
	fmt.Println("X =", s.X)
	fmt.Println("P =", s.P)
	// Output:
	// X = dalpha/alpha
	// P = (alpha*dbeta-beta*dalpha)/alpha
	// X = 0
	// P = -(1/beta)
	// X = dalpha/alpha_A
	// P = (alpha_A*dbeta-beta_A*dalpha)/alpha_A
	// X = -(1/beta)
	// P = -((-alpha-beta)/beta)
}
