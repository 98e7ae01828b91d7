package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkOutside measures what a walk costs beside ONNX Runtime: one worker, one thread, from the first step to the last,
// less the time inside the network's calls. The fastest of all rounds counts, since other work on the machine only adds.
//
//	go test ./internal/cli -run - -bench Outside -benchtime 9x
func BenchmarkOutside(b *testing.B) {
	folder := filepath.Join(shared, "pretrained")
	if _, err := os.Stat(folder); err != nil {
		b.Skip("no ../shared/pretrained beside this checkout: the real networks are not here")
	}
	for _, c := range []struct{ name, network, flags string }{
		{"emnist-latent-guided-n64", "emnist-latent/flow.onnx", "-n 64 --decode=false"},
		{"dino-ddim-n1000", "dino/model.onnx", "-n 1000 --solver ddim"},
		{"dino-ddpm-n1000", "dino/model.onnx", "-n 1000"},
		{"moons-n1", "moons-otcfm/model.onnx", "-n 1 --steps 10000"},
	} {
		b.Run(c.name, func(b *testing.B) {
			card := "../../testdata/cards/" + filepath.Dir(c.network) + ".json"
			args := append([]string{"sample", filepath.Join(folder, c.network), "--card", card, "--workers", "1", "--threads", "1",
				"--quiet", "--json", "-o", filepath.Join(b.TempDir(), "x.npy")}, strings.Fields(c.flags)...)
			best := report{Seconds: seconds{Walk: math.Inf(1)}}
			for b.Loop() {
				var stdout, stderr bytes.Buffer
				if run(context.Background(), args, &stdout, &stderr) != 0 {
					b.Fatal(stderr.String())
				}
				var r report
				if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
					b.Fatal(err)
				}
				if r.Seconds.Walk < best.Seconds.Walk {
					best = r
				}
			}
			outside := best.Seconds.Walk - best.Seconds.Network
			b.ReportMetric(100*outside/best.Seconds.Walk, "outside-%")
			b.ReportMetric(1e6*outside/float64(best.Steps), "outside-us/step")
		})
	}
}
