package sampler

import (
	"encoding/json"
	"errors"
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
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("plan: more follows its end; expected one JSON object")
	}
	return p, p.Check()
}
