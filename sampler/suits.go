package sampler

import "fmt"

// Suits says whether the plan was made for this network: for what it predicts, along its path. The rows of a plan hold numbers that are
// right for no other.
func (p *Plan) Suits(m Model) error {
	second := m.Second.String()
	if p.Second == "" || p.Second == LearnedVariance || p.ReadsUnclipped() {
		second = p.Second // no row reads a second prediction of the network's
	}
	for _, c := range []struct{ what, plan, model string }{
		{"path", p.Path, m.Path.String()},
		{"prediction", p.Prediction, m.Prediction.String()},
		{"second prediction", p.Second, second},
	} {
		if c.plan == c.model {
			continue
		}
		found, expected := brieflyApart(c.plan, c.model)
		return fmt.Errorf("the plan is for the %s %s, and the network's is %s; make the plan from this model's card (odeon plan), or correct the card", c.what, found, expected)
	}
	return nil
}

// brieflyApart keeps the beginnings of two texts that may list hundreds of numbers, as far as where they part.
func brieflyApart(a, b string) (string, string) {
	const most = 80
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	shorten := func(text string) string {
		switch {
		case text == "":
			return "none"
		case len(text) <= most:
			return text
		case same > most/2:
			return "..." + text[same-most/4:min(len(text), same+most/2)] + "..."
		}
		return text[:most] + "..."
	}
	return shorten(a), shorten(b)
}
