package cli

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"odeon/sampler"
)

// solverFlags choose the solver and its own settings.
func solverFlags() []cli.Flag {
	return []cli.Flag{
		text("solver", "`NAME` of the solver: euler (Euler-Maruyama where sigma is not 0), heun, rk4, ddim, ddpm, dpmpp-2m, unipc, ...; odeon solvers lists all. "+
			"Also a Butcher tableau: 'tableau(0; 1/2, 1/2; 0, 1)', or FILE.json"),
		text("order", "order `N` of the solvers that have several, such as ab, lms, dpmpp-2m, unipc"),
		text("tolerance", "let dopri5 choose each sample's steps, so that none is off by more than ABS + REL |x|, by `REL[,ABS]`: 1e-4 is both"),
		text("churn", "add noise before each step of heun-churn and euler-churn, as EDM does: `S[,MIN,MAX[,NOISE]]`, the share S/steps of a noise level from MIN to MAX, of standard deviation NOISE"),
		text("gamma", "share `G` of the way back to noise in a step of tcd (0.3)"),
		text("corrector", "take `STEPS[,RATIO]` of Langevin dynamics at each level of predictor-corrector (1) or annealed-langevin (5), of this ratio of signal to noise (0.16)"),
	}
}

// readSolver reads the solver, and the settings that not every solver knows.
func readSolver(v values, s *sampler.Settings) (err error) {
	if text, where, ok := v.text("solver"); ok {
		if s.Solver, err = namedSolver(text, where); err != nil {
			return wrong(where, err)
		}
	}
	for _, read := range []func() error{
		func() (err error) { s.Order, err = v.whole("order", 0, 1, 4); return },
		func() (err error) { s.Eta, err = v.number("eta", atLeast(0)); return },
		func() (err error) { s.Variance, err = v.oneOf("variance", "", "posterior", "beta"); return },
		func() (err error) { s.Gamma, err = v.number("gamma", limits{0, 1, "a share from 0 to 1"}); return },
	} {
		if err := read(); err != nil {
			return err
		}
	}
	tolerance, err := v.numbers("tolerance", "REL or REL,ABS, numbers above 0 such as 1e-4", above0, 1, 2)
	if err != nil {
		return err
	}
	spread(tolerance, &s.Tolerance.Rel, &s.Tolerance.Abs)
	if len(tolerance) == 1 {
		s.Tolerance.Abs = s.Tolerance.Rel
	}
	churn, err := v.numbers("churn", "S, S,MIN,MAX or S,MIN,MAX,NOISE, numbers not below 0, S above 0, MIN below MAX", func(x []float64) bool {
		return x[0] > 0 && (len(x) < 3 || 0 <= x[1] && x[1] < x[2]) && (len(x) < 4 || x[3] > 0)
	}, 1, 3, 4)
	if err != nil {
		return err
	}
	spread(churn, &s.Churn.Amount, &s.Churn.Min, &s.Churn.Max, &s.Churn.Noise)
	corrector, err := v.numbers("corrector", "STEPS or STEPS,RATIO: a whole number from 1 to 10000, and a ratio above 0 and below 0.7", func(x []float64) bool {
		return x[0] >= 1 && x[0] <= 10_000 && x[0] == math.Trunc(x[0]) && (len(x) < 2 || x[1] > 0 && x[1] < 0.7)
	}, 1, 2)
	if err != nil {
		return err
	}
	steps := 0.0
	spread(corrector, &steps, &s.Corrector.Ratio)
	s.Corrector.Steps = int(steps)
	return nil
}

// namedSolver is a solver by its name, by its tableau, or on the command line by a file with one.
func namedSolver(text, where string) (sampler.Solver, error) {
	if !strings.HasSuffix(text, ".json") || !strings.HasPrefix(where, "--") {
		return sampler.ParseSolver(text)
	}
	f, err := os.Open(text)
	if err != nil {
		return sampler.Solver{}, err
	}
	defer f.Close()
	s, err := sampler.ReadSolver(f)
	if err != nil {
		return s, fmt.Errorf("%s: %w", text, err)
	}
	return s, nil
}

// spread stores the numbers that there are.
func spread(numbers []float64, into ...*float64) {
	for i, x := range numbers {
		*into[i] = x
	}
}

func above0(x []float64) bool {
	for _, v := range x {
		if !(v > 0) {
			return false
		}
	}
	return true
}

// numbers reads finite numbers with commas between them, of which there may be as many as counts say; nil where the flag was not given.
func (v values) numbers(name, expected string, good func([]float64) bool, counts ...int) ([]float64, error) {
	text, where, ok := v.text(name)
	if !ok {
		return nil, nil
	}
	var out []float64
	for part := range strings.SplitSeq(text, ",") {
		x, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, bad(where, text, expected)
		}
		out = append(out, x)
	}
	for _, n := range counts {
		if n == len(out) && good(out) {
			return out, nil
		}
	}
	return nil, bad(where, text, expected)
}
