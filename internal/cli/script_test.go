package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"odeon/internal/array"
	"odeon/onnx"
)

// TestMain makes the test binary the program odeon for the scripts, and finds ONNX Runtime once: scripts have a home of
// their own, and would not.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"odeon": func() { os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// library is ONNX Runtime's path: found, or installed as the first sample would.
func library(t *testing.T) string {
	t.Helper()
	lib, err := findOrInstall(context.Background(), os.Stderr, false, "")
	if err != nil {
		t.Fatalf("ONNX Runtime is needed here: %v", err)
	}
	return lib.Path
}

func TestScripts(t *testing.T) {
	path := library(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv(onnx.LibraryVariable, path)
			return brokenFiles(e.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":         code,
			"near":         near,
			"shape":        shape,
			"array":        member,
			"twofold":      twofold,
			"pipeline":     pipeline,
			"trainingdata": trainingData,
			"mask":         mask,
			"upper":        upper,
		},
	})
}

// code EXIT PROGRAM ARGS...: the program ends with exactly this exit code.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code EXIT PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit %d, want %d", got, want)
	}
	if trace := ts.ReadFile("stderr"); strings.Contains(trace, "goroutine ") || strings.Contains(trace, "panic:") {
		ts.Fatalf("a stack trace:\n%s", trace)
	}
}

// readPair reads two .npy files and a tolerance.
func readPair(ts *testscript.TestScript, args []string) (a, b *array.Array, tolerance float64) {
	var errs [3]error
	a, errs[0] = array.Read(ts.MkAbs(args[0]))
	b, errs[1] = array.Read(ts.MkAbs(args[1]))
	tolerance, errs[2] = strconv.ParseFloat(args[2], 64)
	ts.Check(errors.Join(errs[:]...))
	return a, b, tolerance
}

// near A B TOLERANCE [FROM]: two .npy files hold the same numbers, B compared with A's samples from number FROM on.
func near(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: near A B TOLERANCE [FROM]")
	}
	a, b, tolerance := readPair(ts, args)
	x, y := a.Float32(), b.Float32()
	if len(args) > 3 {
		from, err := strconv.Atoi(args[3])
		ts.Check(err)
		x = x[from*len(x)/a.Shape[0]:]
	}
	if len(x) < len(y) {
		ts.Fatalf("%s holds %d numbers, %s %d", args[0], len(x), args[1], len(y))
	}
	most := 0.0
	for i := range y {
		most = math.Max(most, math.Abs(float64(x[i])-float64(y[i])))
	}
	if (most > tolerance) != neg {
		ts.Fatalf("largest difference %g, tolerance %g", most, tolerance)
	}
}

// twofold FILE CARD: an ONNX file with this card inside, of a network that gives velocity u, score s and data d of standard
// normal data in the plane along condot: with v = t^2 + (1-t)^2, u = (2t-1)/v x, s = -x/v and d = t/v x.
func twofold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: twofold FILE CARD")
	}
	batch, two := onnx.Free("n"), onnx.Fixed(2)
	g := onnx.NewGraph("twofold")
	x, t := g.Input("x", onnx.Float32, batch, two), g.Input("t", onnx.Float32, batch, onnx.Fixed(1))
	rest := g.Node("Sub", g.Const("one", onnx.Scalar[float32](1)), t)
	v := g.Node("Add", g.Node("Mul", t, t), g.Node("Mul", rest, rest))
	scaled := g.Node("Div", x, v)
	g.Output("u", g.Node("Mul", g.Node("Sub", t, rest), scaled), onnx.Float32, batch, two)
	g.Output("s", g.Node("Neg", scaled), onnx.Float32, batch, two)
	g.Output("d", g.Node("Mul", t, scaled), onnx.Float32, batch, two)
	g.Meta("odeon", args[1])
	data, err := g.Bytes()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o666))
}

// shape FILE N,N,...: a .npy file has this shape.
func shape(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: shape FILE N,N,...")
	}
	a, err := array.Read(ts.MkAbs(args[0]))
	ts.Check(err)
	sameShape(ts, a, args[1])
}

// array FILE NAME N,N,...: a .npz file has an array of this name and shape.
func member(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: array FILE NAME N,N,...")
	}
	a, err := array.ReadNPZ(ts.MkAbs(args[0]), args[1])
	ts.Check(err)
	sameShape(ts, a, args[2])
}

func sameShape(ts *testscript.TestScript, a *array.Array, want string) {
	if got := strings.ReplaceAll(strings.Trim(fmt.Sprint(a.Shape), "[]"), " ", ","); got != want {
		ts.Fatalf("shape %s, want %s", got, want)
	}
}
