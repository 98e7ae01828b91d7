package schedule_test

import (
	"fmt"

	"odeon/schedule"
)

// The velocity of the trigonometric path from a network that predicts the noise, halfway.
func ExampleConvert() {
	path := schedule.Cosine()
	c, err := schedule.Convert(path, schedule.Noise, schedule.Velocity, 0.5)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("u = %.4f x %+.4f eps\n", c.X, c.P)

	_, err = schedule.Convert(path, schedule.Noise, schedule.Velocity, 0)
	fmt.Println(err)
	// Output:
	// u = 1.5708 x -2.2214 eps
	// velocity cannot be had from noise at t=0 on path cosine: the state is pure noise there (alpha = 0) and the limit does not exist; it exists for 0 < t <= 1
}

func ExampleParsePath() {
	for _, text := range []string{"vp(0.1,20)", "alpha=t; beta=sqrt(1-t)", "betas=linear(1e-4,0.02); count=1000"} {
		path, err := schedule.ParsePath(text)
		if err != nil {
			fmt.Println(err)
			return
		}
		p := path.At(0.5)
		fmt.Printf("%s: alpha %.4f beta %.4f beta beta' %.4f\n", path, p.Alpha, p.Beta, p.BetaDBeta)
	}
	// Output:
	// vp(0.1,20): alpha 0.2812 beta 0.9597 beta beta' -0.3973
	// alpha=t; beta=sqrt(1-t): alpha 0.5000 beta 0.7071 beta beta' -0.5000
	// betas=linear(0.0001,0.02); count=1000: alpha 0.2803 beta 0.9599 beta beta' -0.3967
}

func ExampleNewPath() {
	_, err := schedule.NewPath("1-t", "t")
	fmt.Println(err)
	// Output:
	// path alpha=1-t; beta=t: alpha/beta must rise with t (t = 0 is noise, t = 1 is data), but goes from 511 at t=0.001953 to 255 at t=0.003906; written for time that runs from data to noise? Put 1-t in place of t
}

// A network trained to give the difference of data and noise, whatever the path.
func ExampleNewPrediction() {
	path := schedule.Cosine()
	difference, err := schedule.NewPrediction("1", "-1", path)
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := schedule.Convert(path, difference, schedule.Data, 0.5)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("z = %.4f x + %.4f (%s)\n", c.X, c.P, difference)
	// Output:
	// z = 0.7071 x + 0.5000 (1*z + (-1)*eps)
}

func ExampleFormula() {
	f, err := schedule.ParseFormula("sqrt(1-t^2)", "t")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.Eval(0.6), f.Derivative("t"))

	_, err = schedule.ParseFormula("1-t^^2", "t")
	fmt.Println(err)
	// Output:
	// 0.8 -(t/sqrt(1-t^2))
	// formula "1-t^^2", column 5: found "^", expected a number, pi, a variable (t), a function (sqrt, exp, expm1, log, log1p, sin, cos, tan, tanh, abs, sign, min, max, pow) or "("
}

func ExampleGrid() {
	path, err := schedule.ParsePath("betas=linear(1e-4,0.02); count=1000")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, grid := range []schedule.Grid{schedule.Uniform, schedule.Trailing, schedule.Shift(3), schedule.Karras(7)} {
		times, err := grid.Times(path, 0, 1, 4)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%-9s %.4f\n", grid, times)
	}
	// Output:
	// uniform   [0.0000 0.2500 0.5000 0.7500 1.0000]
	// trailing  [0.0000 0.2500 0.5000 0.7500 1.0000]
	// shift(3)  [0.0000 0.1000 0.2500 0.5000 1.0000]
	// karras(7) [0.0000 0.2239 0.6980 0.9990 1.0000]
}

func ExampleDiffusion() {
	path, err := schedule.VP(0.1, 20)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{"0", "forward", "1.5*(1-t)"} {
		d, err := schedule.ParseDiffusion(text)
		if err != nil {
			fmt.Println(err)
			return
		}
		sigma, err := d.At(path.At(0.5))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %.4f\n", d, sigma)
	}
	// Output:
	// 0: 0.0000
	// forward: 3.1702
	// 1.5*(1-t): 0.7500
}
