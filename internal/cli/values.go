package cli

import (
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"odeon/models"
	"odeon/onnx"
	"odeon/sampler"
)

// values are the texts of a command's flags, laid over the defaults that a card's "sampling" gives them. The same
// parsers read both, so a message only differs in where the text came from.
type values struct {
	flags    *cli.Context
	sampling map[string]string // flag name -> text, from the card
}

// layOver drops those of the card's defaults that a flag replaces under another name: a list of times or indexes, and the
// number of steps, are three ways to say where to step; a time and an index two ways to say where to end.
func layOver(flags *cli.Context, sampling map[string]string) values {
	kept := maps.Clone(sampling)
	grid := strings.TrimSpace(flags.String("grid"))
	isList := strings.HasPrefix(grid, "list") || strings.HasPrefix(grid, "sigmas")
	if flags.IsSet("steps") || flags.IsSet("grid") || flags.IsSet("indexes") {
		delete(kept, "indexes")
	}
	if flags.IsSet("indexes") || isList {
		delete(kept, "steps")
	}
	if flags.IsSet("indexes") || (flags.IsSet("steps") && strings.HasPrefix(kept["grid"], "list")) {
		delete(kept, "grid")
	}
	if flags.IsSet("guide-model") {
		delete(kept, "negative-label")
	}
	for name, other := range map[string]string{"t-end": "end-index", "end-index": "t-end"} {
		if flags.IsSet(name) {
			delete(kept, other) // two ways to say where to end
		}
	}
	if flags.IsSet("solver") && flags.String("solver") != kept["solver"] {
		for _, own := range []string{"eta", "variance", "order", "tolerance", "churn", "gamma", "corrector"} { // the other solver's settings
			delete(kept, own)
		}
	}
	if flags.IsSet("tolerance") {
		for _, other := range []string{"steps", "grid", "indexes"} {
			delete(kept, other)
		}
	} else if flags.IsSet("steps") || flags.IsSet("grid") || flags.IsSet("indexes") {
		delete(kept, "tolerance")
	}
	if flags.IsSet("scheduler") {
		for _, name := range walkDefaults {
			delete(kept, name)
		}
	}
	for _, option := range flags.StringSlice("scheduler-option") {
		switch name, _, _ := strings.Cut(option, "="); name {
		case "num_inference_steps", "timesteps", "sigmas":
			delete(kept, "steps")
		}
	}
	return values{flags, kept}
}

// walkDefaults are a card's defaults that a scheduler given beside it replaces.
var walkDefaults = []string{"steps", "solver", "order", "grid", "sigma", "eta", "variance", "t-start", "t-end", "last", "indexes", "end-index", "clip", "threshold"}

// text returns the flag's text and where it was found; ok is false where neither flag nor card has it.
func (v values) text(name string) (text, where string, ok bool) {
	if v.flags.IsSet(name) {
		return v.flags.String(name), "--" + name, true
	}
	if text, ok := v.sampling[name]; ok {
		return text, "the card's sampling." + name, true
	}
	return "", "", false
}

func (v values) has(name string) bool {
	_, _, ok := v.text(name)
	return ok
}

// bad is the message for a text that cannot be what the flag takes: a usage error when it came from the command line.
func bad(where, text, expected string) error {
	err := fmt.Errorf("%s: found %q, expected %s", where, text, expected)
	if strings.HasPrefix(where, "--") {
		return usageError{err}
	}
	return err
}

// wrong is bad for errors that already say what was expected.
func wrong(where string, err error) error {
	err = fmt.Errorf("%s: %w", where, err)
	if strings.HasPrefix(where, "--") {
		return usageError{err}
	}
	return err
}

// whole reads a whole number from least to most.
func (v values) whole(name string, fallback, least, most int) (int, error) {
	text, where, ok := v.text(name)
	if !ok {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	switch {
	case n > most: // also where the number is too large for an int
		return 0, bad(where, text, fmt.Sprintf("at most %d", most))
	case err != nil || n < least:
		return 0, bad(where, text, fmt.Sprintf("a whole number, %d or more", least))
	}
	return n, nil
}

// whole is a flag with a whole number; 0 stands for one that is not given.
type whole struct {
	name        string
	least, most int
	into        *int
}

// wholes reads whole numbers, in this order.
func (v values) wholes(list ...whole) (err error) {
	for _, w := range list {
		if *w.into, err = v.whole(w.name, 0, w.least, w.most); err != nil {
			return err
		}
	}
	return nil
}

// seed reads any 64-bit seed; negative ones count from the top, as in most generators.
func (v values) seed(name string) (uint64, error) {
	text, where, ok := v.text(name)
	if !ok {
		return 0, nil
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return n, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, bad(where, text, "a whole number of at most 64 bits")
	}
	return uint64(n), nil
}

// limits are what a number may be, in numbers and in words.
type limits struct {
	least, most float64
	words       string
}

var (
	anyNumber = limits{-math.MaxFloat64, math.MaxFloat64, "a number"}
	share     = limits{0, math.Nextafter(1, 0), "a share, 0 or more and less than 1"}
	aTime     = limits{0, 1, "a time from 0 (noise) to 1 (data)"}

	partOfAWalk = limits{math.SmallestNonzeroFloat64, 1, "a share of the walk, above 0 and up to 1"}
)

func above(x float64) limits {
	return limits{math.Nextafter(x, math.Inf(1)), math.MaxFloat64, fmt.Sprintf("a number above %g", x)}
}

func atLeast(x float64) limits {
	return limits{x, math.MaxFloat64, fmt.Sprintf("a number, %g or more", x)}
}

// number reads a finite number between limits; the pointer is nil where it was not given.
func (v values) number(name string, l limits) (*float64, error) {
	text, where, ok := v.text(name)
	if !ok {
		return nil, nil
	}
	x, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || math.IsNaN(x) || math.IsInf(x, 0):
		return nil, bad(where, text, anyNumber.words)
	case x < l.least || x > l.most:
		return nil, bad(where, text, l.words)
	}
	return &x, nil
}

// within is number with a value for where it was not given.
func (v values) within(name string, fallback float64, l limits) (float64, error) {
	x, err := v.number(name, l)
	if err != nil || x == nil {
		return fallback, err
	}
	return *x, nil
}

// pair reads LO,HI with LO < HI; nil where it was not given.
func (v values) pair(name string) (*[2]float64, error) {
	text, where, ok := v.text(name)
	if !ok {
		return nil, nil
	}
	lo, hi, found := strings.Cut(text, ",")
	a, errA := strconv.ParseFloat(strings.TrimSpace(lo), 64)
	b, errB := strconv.ParseFloat(strings.TrimSpace(hi), 64)
	if !found || errA != nil || errB != nil || !(a < b) || math.IsInf(a, 0) || math.IsInf(b, 0) {
		return nil, bad(where, text, "two numbers LO,HI, the lower one first")
	}
	return &[2]float64{a, b}, nil
}

// threshold reads P[,MAX].
func (v values) threshold() (*sampler.Threshold, error) {
	text, where, ok := v.text("threshold")
	if !ok {
		return nil, nil
	}
	ratio, most, limited := strings.Cut(text, ",")
	t := &sampler.Threshold{}
	var err, errMost error
	t.Ratio, err = strconv.ParseFloat(strings.TrimSpace(ratio), 64)
	if limited {
		t.Max, errMost = strconv.ParseFloat(strings.TrimSpace(most), 64)
	}
	if err != nil || errMost != nil || !(t.Ratio > 0 && t.Ratio <= 1) || limited && !(t.Max > 0 && t.Max <= math.MaxFloat64) {
		return nil, bad(where, text, "P[,MAX]: a share of the elements, above 0 and at most 1, and a limit above 0")
	}
	return t, nil
}

// resample reads R or R,J.
func (v values) resample() (r sampler.Resample, err error) {
	text, where, ok := v.text("resample")
	if !ok {
		return r, nil
	}
	times, length, both := strings.Cut(text, ",")
	if !both {
		length = "1"
	}
	var errTimes, errLength error
	r.Times, errTimes = strconv.Atoi(strings.TrimSpace(times))
	r.Length, errLength = strconv.Atoi(strings.TrimSpace(length))
	if errTimes != nil || errLength != nil || min(r.Times, r.Length) < 1 || max(r.Times, r.Length) > 1000 {
		return r, bad(where, text, "R or R,J, whole numbers from 1 to 1000: every J steps together R times")
	}
	return r, nil
}

// list reads comma-separated whole numbers and ranges, "9,7,3-0": a range runs in the direction it is written.
func (v values) list(name string) ([]int, error) {
	text, where, ok := v.text(name)
	if !ok {
		return nil, nil
	}
	const most = 1 << 20
	expected := "whole numbers and ranges such as 299,284 or 999-0"
	var out []int
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		lo, hi, isRange := strings.Cut(part, "-")
		a, err := strconv.Atoi(lo)
		b := a
		if err == nil && isRange {
			b, err = strconv.Atoi(hi)
		}
		if err != nil || len(out)+max(a-b, b-a) >= most {
			return nil, bad(where, text, expected)
		}
		step := 1
		if b < a {
			step = -1
		}
		for i := a; ; i += step {
			out = append(out, i)
			if i == b {
				break
			}
		}
	}
	return out, nil
}

// oneOf reads one of the words.
func (v values) oneOf(name, fallback string, words ...string) (string, error) {
	text, where, ok := v.text(name)
	if !ok {
		return fallback, nil
	}
	for _, w := range words {
		if text == w {
			return text, nil
		}
	}
	return "", bad(where, text, strings.Join(words, " or "))
}

// session reads what computes a network: --provider and --provider-option.
func (v values) session() (s onnx.SessionOptions, err error) {
	if s.Provider, err = v.oneOf("provider", onnx.Auto, append(onnx.ProviderNames(), models.Go)...); err != nil {
		return s, err
	}
	s.ProviderOptions, err = pairs(v.flags, "provider-option")
	return s, err
}

// pairs reads a repeatable K=V flag.
func pairs(c *cli.Context, flag string) (map[string]string, error) {
	out := map[string]string{}
	for _, text := range c.StringSlice(flag) {
		key, value, found := strings.Cut(text, "=")
		if !found || key == "" {
			return nil, bad("--"+flag, text, "K=V")
		}
		out[key] = value
	}
	return out, nil
}
