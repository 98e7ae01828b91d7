package mixtures

import "encoding/json"

// card is the part of a model card that these models need.
type card struct {
	Name        string            `json:"name"`
	Description string            `json:"description"`
	License     string            `json:"license"`
	Prediction  string            `json:"prediction"`
	Path        string            `json:"path"`
	Inputs      map[string]string `json:"inputs"`
	Layout      string            `json:"layout"`
	Range       []int             `json:"range,omitempty"`
	Labels      *labels           `json:"labels,omitempty"`
	Sampling    map[string]int    `json:"sampling,omitempty"`
}

type labels struct {
	Count    int      `json:"count"`
	Names    []string `json:"names"`
	Encoding string   `json:"encoding"`
	Null     int      `json:"null"`
}

func (c card) json(m Model) string {
	c.Name = m.Name
	c.Description = m.Description
	c.License = "Apache-2.0"
	c.Prediction = "velocity"
	c.Path = "condot"
	c.Inputs = map[string]string{"state": "x", "time": "t"}
	if c.Labels != nil {
		c.Inputs["label"] = "label"
	}
	if c.Layout == "points" {
		c.Sampling = map[string]int{"count": 500} // sixteen points are no picture
	}
	text, err := json.Marshal(c)
	if err != nil {
		panic("mixtures: " + err.Error()) // texts and numbers always have a JSON form
	}
	return string(text)
}
