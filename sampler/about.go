package sampler

import (
	"fmt"

	"odeon/schedule"
)

// About is what is known of a solver, for people who choose one.
type About struct {
	Name     string   `json:"name"`
	Summary  string   `json:"summary"`
	Source   string   `json:"source,omitempty"`
	Orders   []int    `json:"orders"`   // of its error on the ODE with steps of any length, one for each order it can be asked for; none: it has noise of its own, or needs equal steps
	Order    int      `json:"order"`    // which of them it takes unless asked, from 1; 0: it has one
	Calls    int      `json:"calls"`    // of the network in a step
	Eta      float64  `json:"eta"`      // fresh noise unless asked
	Settings []string `json:"settings"` // those that it knows beside every solver's
}

// About describes the solver.
func (s Solver) About() About {
	a := About{Name: s.Name, Summary: s.Summary, Source: s.Source, Orders: s.orders, Order: s.order, Eta: s.eta, Calls: s.calls(), Settings: []string{}}
	if s.step == nil {
		a.Orders = []int{s.Tableau.Order()}
	}
	if s.highest > 0 {
		a.Settings = append(a.Settings, "order")
	}
	if s.walksSDE() {
		a.Settings = append(a.Settings, "sigma")
	}
	for _, p := range particular {
		if s.knows&p.setting != 0 {
			a.Settings = append(a.Settings, p.name)
		}
	}
	return a
}

// calls counts those of a step in the middle of a walk.
func (s Solver) calls() int {
	from, to := 0.1, 0.9
	plan, err := NewPlan(Model{Path: schedule.CondOT(), Prediction: schedule.Velocity}, Settings{Solver: s, Steps: 9, From: &from, To: &to})
	if err != nil {
		panic(fmt.Sprintf("sampler: %v", err)) // a solver that cannot walk a straight path
	}
	n := 0
	for i := range plan.Rows {
		if plan.Rows[i].Step == 6 && plan.Rows[i].Call {
			n++
		}
	}
	return n
}
