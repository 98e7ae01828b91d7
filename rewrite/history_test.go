package rewrite

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/internal/ortest"
	"odeon/onnx"
	"odeon/schedule"
)

func TestAFileRemembersWhatItWasMadeFrom(t *testing.T) {
	r := net{}.resolve(t, `{"prediction": "noise", "path": "vp(0.1,20)"}`)
	source, err := onnx.OpenSource(r.Model.File)
	require.NoError(t, err)
	defer source.Close()
	converted, err := Convert(r, source, target(t, `"velocity"`, `"condot"`))
	require.NoError(t, err)
	require.NoError(t, Remember(converted.Graph, r.Model.Info, *converted.Entry))
	model, err := converted.Graph.Bytes()
	require.NoError(t, err)
	info, err := onnx.ReadInfoBytes(model, "converted")
	require.NoError(t, err)
	history, err := History(info)
	require.NoError(t, err)
	require.Len(t, history, 1)
	require.Equal(t, []string{
		"convert: noise on vp(0.1,20) became velocity on condot",
		"safe times: 0 <= t <= 1",
		"the network is genuine for 0.00652882 <= t <= 1",
		"x_A = s x, s = sqrt((alpha_A^2+beta_A^2)/(alpha^2+beta^2)), sigma = beta/alpha = beta_A/alpha_A",
		"t_A = 1-log1p(sigma^2)/(0.05+sqrt(0.0025000000000000005+9.95*log1p(sigma^2)))",
		"velocity = X x_A + P noise, X = alpha'/alpha_A, P = (alpha_A*beta'-beta_A*alpha')/alpha_A",
	}, history[0].Lines())

	info.Metadata = []onnx.KeyValue{{Key: HistoryKey, Value: "{"}}
	_, err = History(info)
	require.ErrorContains(t, err, `metadata entry "odeon.history"`)
}

func TestConversionsAreWrittenAsTheReadmeWritesThem(t *testing.T) {
	for _, c := range []struct {
		from, to schedule.Prediction
		want     string
	}{
		{schedule.Velocity, schedule.ReverseVelocity, "reverse-velocity = -velocity"},
		{schedule.Noise, schedule.Score, "score = P noise, P = -(1/beta)"},
		{schedule.Noise, schedule.Velocity, "velocity = X x + P noise, X = alpha'/alpha, P = (alpha*beta'-beta*alpha')/alpha"},
		{schedule.Velocity, schedule.Data, "data = X x + P velocity, X = beta'/det, P = -(beta/det), det = alpha*beta'-beta*alpha'"},
		{schedule.Velocity, schedule.Score, "score = X x + P velocity, X = 1/beta*alpha'/det, P = -(alpha*(1/beta)/det), det = alpha*beta'-beta*alpha'"},
	} {
		require.Equal(t, c.want, written(schedule.Symbolize(c.from, c.to, false, nil), c.from, c.to, false))
	}
}

func TestACheckFindsAnotherNetwork(t *testing.T) {
	runtime := ortest.Found(t)
	r := net{}.resolve(t, `{"prediction": "noise", "path": "condot"}`)
	toVelocity, _ := rewritten(t, r, target(t, `"velocity"`, ""))
	_, toData := rewritten(t, r, target(t, `"data"`, ""))
	_, err := toVelocity.Check(context.Background(), runtime, r, toData)
	require.ErrorContains(t, err, "the new network's velocity differs from the conversion in memory")
}
