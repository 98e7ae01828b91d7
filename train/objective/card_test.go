package objective

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/models"
	"odeon/schedule"
)

// What a card says is read back as the same path, prediction and formulas.
func TestTheCardSaysWhatWasTrained(t *testing.T) {
	for _, path := range []string{"condot", "vp(0.1,20)", "alpha=t^2; beta=sqrt(1-t)", "betas=linear(0.0001,0.02); count=1000", "betas=linear(0.0001,0.02); count=1000; zero_snr=true",
		"alpha_bars=[0.9,0.5,0.1]", "betas=[0.1,0.2]"} {
		for _, prediction := range []string{"velocity", "noise", `{"data":"t","noise":"-alpha"}`, "velocity,score"} {
			o := objective(t, path, prediction, "")
			card := &models.Card{Labels: &models.Labels{Count: 3}}
			o.DropLabel, o.Null = 0.25, 3
			require.NoError(t, o.Describe(card, []string{"u", "s"}[:len(o.Predictions)]))
			text, err := card.Text()
			require.NoError(t, err)
			read, err := models.ParseCard([]byte(text))
			require.NoError(t, err, text)

			back, err := schedule.PathFromJSON(read.Path)
			require.NoError(t, err, text)
			require.Equal(t, o.Path.String(), back.String())
			if len(o.Predictions) == 2 {
				require.Equal(t, map[string]string{"velocity": "u", "score": "s"}, read.Predictions)
			} else {
				named, err := ParsePredictions(read.Prediction.String(), back)
				require.NoError(t, err)
				require.True(t, named[0].Equal(o.Predictions[0].Prediction))
			}
			require.Equal(t, o.filled().Time.String(), read.Time)
			require.Empty(t, read.Scale)
			require.Equal(t, &models.Null{Index: 3}, read.Labels.Null)
		}
	}
}

// The facts are texts that the flags' parsers read back.
func TestTheFactsAreWhatTheFlagsTake(t *testing.T) {
	path := schedule.CondOT()
	o := objective(t, "condot", "velocity,score", "velocity=min-snr(5)")
	o.Times = parseTimes(t, "independent(logit-normal(0,1))")
	o.Coupling = Coupling{Kind: Sinkhorn}
	o.DropLabel = 0.1
	facts, err := o.Facts()
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"weight": "velocity=min-snr(5); score=beta^2", "times": "independent(logit-normal(0,1))", "coupling": "sinkhorn(0.05)", "drop-label": "0.1", "span": "0 to 0.99999",
	}, facts)
	w, err := ParseWeight(facts["weight"], path)
	require.NoError(t, err)
	again := o
	again.Weight = w
	second, err := again.Facts()
	require.NoError(t, err)
	require.Equal(t, facts, second)
	plain, err := Objective{}.Facts()
	require.NoError(t, err)
	require.Equal(t, map[string]string{"weight": "uniform", "times": "stratified(uniform)", "coupling": "independent", "span": "0 to 1"}, plain)
}

// The batch of one step: two points, each at a time of its own.
func ExampleObjective() {
	o := &Objective{
		Predictions: []Named{Name(schedule.Velocity)},
		Times:       LogitNormal(0, 1),
		Coupling:    Coupling{Kind: Transport},
	}
	batch, err := o.NewBatch(2, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	data := []float32{1, 0, -1, 0}
	if err := batch.Fill(data, nil, 1, 0); err != nil { // seed 1, step 0
		fmt.Println(err)
		return
	}
	fmt.Printf("t      %.3f\n", batch.Time)
	fmt.Printf("x      %.3f\n", batch.X)
	fmt.Printf("target %.3f\n", batch.Target[0])
	fmt.Printf("weight %.3f\n", batch.Weight[0])
	// Output:
	// t      [0.587 0.383]
	// x      [0.166 -0.323 -2.504 0.436]
	// target [2.021 0.784 2.438 -0.707]
	// weight [0.250 0.250]
}
