package sampler

import (
	"encoding/json"
	"fmt"
	"io"
)

// ReadPlan reads a plan that was written as JSON, and checks it. Writing is json.Marshal: numbers are written with as
// many digits as they need to be read back exactly.
func ReadPlan(r io.Reader) (*Plan, error) {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	p := new(Plan)
	if err := decoder.Decode(p); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return p, p.Check()
}
