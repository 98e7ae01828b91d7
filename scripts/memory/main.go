//go:build unix

// Memory shows what odeon sample holds at its peak: for a state of 256 MB, unguided and guided, in units of that state, and for
// runs that stream into a .npy file, whatever their number of samples.
//
//	go build -o odeon . && go run ./scripts/memory ./odeon
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"odeon/onnx"
)

const (
	side  = 4096
	depth = 4
	state = 4 * depth * side * side // bytes
)

func main() {
	odeon := "./odeon"
	if len(os.Args) > 1 {
		odeon = os.Args[1]
	}
	dir, err := os.MkdirTemp("", "odeon-memory")
	check(err)
	defer os.RemoveAll(dir)

	plain, guided := filepath.Join(dir, "plain.onnx"), filepath.Join(dir, "guided.onnx")
	check(os.WriteFile(plain, network(false), 0o666))
	check(os.WriteFile(guided, network(true), 0o666))
	base := peak(odeon, dir, "moons", "-n", "16")
	fmt.Printf("16 samples of moons: %.0f MB\n", mb(base))
	for _, run := range []struct {
		title string
		args  []string
	}{
		{"state of 256 MB, Euler", []string{plain, "-n", "1", "--steps", "3"}},
		{"state of 256 MB, Euler, guided", []string{guided, "-n", "1", "--steps", "3", "--label", "1", "--guidance", "2"}},
	} {
		p := peak(odeon, dir, run.args...)
		fmt.Printf("%s: %.0f MB, %.2f states with the network's own\n", run.title, mb(p), float64(p-base)/state)
	}
	for _, n := range []string{"50000", "1000000", "3000000"} {
		fmt.Printf("%s samples of moons into .npy: %.0f MB\n", n, mb(peak(odeon, dir, "moons", "-n", n, "--steps", "5")))
	}
}

// network is a velocity of -x/2, or of -x/2 times the class.
func network(classes bool) []byte {
	g := onnx.NewGraph("decay")
	shape := []onnx.Dim{onnx.Free("n"), onnx.Fixed(depth), onnx.Fixed(side), onnx.Fixed(side)}
	x := g.Input("x", onnx.Float32, shape...)
	g.Input("t", onnx.Float32, onnx.Free("n"))
	v := g.Node("Mul", x, g.Const("", onnx.Scalar(float32(-0.5))))
	card := `{"prediction": "velocity", "path": "condot", "layout": "CHW"}`
	if classes {
		y := g.Node("Cast", g.Input("y", onnx.Int64, onnx.Free("n")), onnx.Int("to", int64(onnx.Float32)))
		v = g.Node("Mul", v, g.Node("Unsqueeze", y, g.Const("", onnx.Array([]int64{1, 2, 3}, 3))))
		card = `{"prediction": "velocity", "path": "condot", "layout": "CHW", "labels": {"count": 3, "null": 0}}`
	}
	g.Output("v", v, onnx.Float32, shape...)
	g.Meta("odeon", card)
	model, err := g.Bytes()
	check(err)
	return model
}

// peak is the largest resident memory of a run, in bytes.
func peak(odeon, dir string, args ...string) int64 {
	cmd := exec.Command(odeon, append([]string{"sample", "--quiet", "-o", filepath.Join(dir, "out.npy")}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		check(fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out))
	}
	return cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss * 1024
}

func mb(bytes int64) float64 { return float64(bytes) / 1e6 }

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
