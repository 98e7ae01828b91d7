package schedule

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// namedPaths are the paths that have a name.
var namedPaths = []form[*Continuous]{
	{"condot", nil, "condot", func([]float64) (*Continuous, error) { return CondOT(), nil }},
	{"cosine", nil, "cosine", func([]float64) (*Continuous, error) { return Cosine(), nil }},
	{"vp", []string{"bmin", "bmax"}, "vp(0.1,20)", func(a []float64) (*Continuous, error) { return VP(a[0], a[1]) }},
	{"polynomial", []string{"n"}, "polynomial(2)", func(a []float64) (*Continuous, error) { return Polynomial(a[0]) }},
	{"ve", []string{"smin", "smax"}, "ve(0.02,100)", func(a []float64) (*Continuous, error) { return VE(a[0], a[1]) }},
	{"edm", []string{"smin", "smax", "rho"}, "edm(0.002,80,7)", func(a []float64) (*Continuous, error) { return EDM(a[0], a[1], a[2]) }},
}

// pathForms is what messages say a path may be.
const pathForms = "condot, cosine, vp(bmin,bmax), polynomial(n), ve(smin,smax), edm(smin,smax,rho), alpha=...; beta=..., betas=...; count=..., or alpha_bars=[...]"

// ParsePath reads a path as it is written on the command line: a name, "vp(0.1,20)"; two formulas, "alpha=t; beta=sqrt(1-t)"; or a
// table, "betas=linear(1e-4,0.02); count=1000", "betas=[...]", "alpha_bars=[...]", with "; zero_snr=true" where betas are
// to be rescaled. The form {"alpha": ...} of cards is read too.
func ParsePath(text string) (Path, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return nil, errors.New("path: empty; expected " + pathForms)
	case strings.HasPrefix(text, "{"):
		return PathFromJSON(json.RawMessage(text))
	case strings.Contains(text, "="):
		return parseFields(text)
	}
	c, err := parseCall(text)
	if err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	path, err := find(c, namedPaths, "name", pathForms)
	if err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	if err := path.check(); err != nil {
		return nil, err
	}
	return path, nil
}

// parseFields reads "key=value; key=value".
func parseFields(text string) (Path, error) {
	fields := pathFields{}
	for _, part := range strings.Split(text, ";") {
		key, value, ok := strings.Cut(part, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || value == "" {
			return nil, fmt.Errorf("path: %q is not of the form key=value; expected %s", clip(strings.TrimSpace(part), 40), pathForms)
		}
		raw := json.RawMessage(value)
		if !strings.HasPrefix(value, "[") && key != "count" && key != "zero_snr" {
			raw, _ = json.Marshal(value) // a string always can be
		}
		if err := fields.set(key, raw); err != nil {
			return nil, err
		}
	}
	return fields.path()
}

// PathFromJSON reads a path as a card gives it: a string as for ParsePath, {"alpha": "t", "beta": "sqrt(1-t)"},
// {"betas": "linear(1e-4,0.02)", "count": 1000}, {"betas": [...]} or {"alpha_bars": [...]}; beside betas, "zero_snr": true rescales
// them. An unknown key is an error.
func PathFromJSON(raw json.RawMessage) (Path, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil && !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return ParsePath(text)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil || object == nil {
		return nil, errors.New(`path: expected a name such as "condot", or an object such as {"alpha": "t", "beta": "1-t"} or {"betas": "linear(1e-4,0.02)", "count": 1000}`)
	}
	fields := pathFields{}
	for key, value := range object {
		if err := fields.set(key, value); err != nil {
			return nil, err
		}
	}
	return fields.path()
}

// pathFields are the keys with which a path is written, each decoded.
type pathFields map[string]any

// pathKeys are the keys and what each holds.
var pathKeys = map[string]func(json.RawMessage) (any, error){
	"alpha":      decode[string]("a formula in quotes"),
	"beta":       decode[string]("a formula in quotes"),
	"betas":      decodeBetas,
	"alpha_bars": decodeNumbers,
	"count":      decode[int]("a whole number"),
	"zero_snr":   decode[bool]("true or false"),
}

// pathKeyNames is the order in which messages list them.
var pathKeyNames = []string{"alpha", "beta", "betas", "count", "alpha_bars", "zero_snr"}

func (f pathFields) set(key string, raw json.RawMessage) error {
	decode, ok := pathKeys[key]
	if !ok {
		return fmt.Errorf("path: unknown key %q%s; expected %s", clip(key, 40), hint(key, pathKeyNames), strings.Join(pathKeyNames, ", "))
	}
	if _, ok := f[key]; ok {
		return fmt.Errorf("path: %s is given twice", key)
	}
	value, err := decode(raw)
	if err != nil {
		return fmt.Errorf("path: %s: %w", key, err)
	}
	f[key] = value
	return nil
}

// path is the path that the keys make together.
func (f pathFields) path() (Path, error) {
	for _, form := range []struct {
		keys     []string
		optional []string
		build    func() (Path, error)
	}{
		{[]string{"alpha", "beta"}, nil, f.formulas},
		{[]string{"betas"}, []string{"count", "zero_snr"}, f.fromBetas},
		{[]string{"alpha_bars"}, []string{"count"}, f.fromAlphaBars},
	} {
		if f.exactly(form.keys, form.optional) {
			return form.build()
		}
	}
	var given []string
	for _, key := range pathKeyNames {
		if _, ok := f[key]; ok {
			given = append(given, key)
		}
	}
	return nil, fmt.Errorf("path: given %s; expected alpha and beta, or betas (with count, where they are named), or alpha_bars", strings.Join(given, " and "))
}

// exactly reports whether all keys, and beside them only optional ones, are given.
func (f pathFields) exactly(keys, optional []string) bool {
	n := 0
	for _, key := range keys {
		if _, ok := f[key]; !ok {
			return false
		}
		n++
	}
	for _, key := range optional {
		if _, ok := f[key]; ok {
			n++
		}
	}
	return n == len(f)
}

func (f pathFields) formulas() (Path, error) {
	path, err := NewPath(f["alpha"].(string), f["beta"].(string))
	if err != nil {
		return nil, err
	}
	return path, nil
}

func (f pathFields) fromBetas() (Path, error) {
	var text string
	betas, listed := f["betas"].([]float64)
	count, counted := f["count"].(int)
	switch {
	case listed:
		if err := f.checkCount(len(betas)); err != nil {
			return nil, err
		}
	case !counted:
		return nil, fmt.Errorf(`path: betas %q need a count, as in {"betas": "linear(1e-4,0.02)", "count": 1000}`, f["betas"])
	default:
		var err error
		if betas, text, err = namedBetas(f["betas"].(string), count); err != nil {
			return nil, fmt.Errorf("path: %w", err)
		}
		text = fmt.Sprintf("betas=%s; count=%d", text, count)
	}
	if f["zero_snr"] == true {
		var err error
		if betas, err = RescaleZeroSNR(betas); err != nil {
			return nil, fmt.Errorf("path: %w", err)
		}
		if !listed {
			text += "; zero_snr=true"
		}
	}
	d, err := DiscreteFromBetas(betas)
	if err != nil {
		return nil, err
	}
	d.text = text
	return d, nil
}

func (f pathFields) fromAlphaBars() (Path, error) {
	bars := f["alpha_bars"].([]float64)
	if err := f.checkCount(len(bars)); err != nil {
		return nil, err
	}
	d, err := NewDiscrete(bars)
	if err != nil {
		return nil, err
	}
	return d, nil
}

func (f pathFields) checkCount(listed int) error {
	if count, ok := f["count"].(int); ok && count != listed {
		return fmt.Errorf("path: count is %d, but the list has %d entries; leave count out", count, listed)
	}
	return nil
}

// decode reads one value; null is none.
func decode[T any](expected string) func(json.RawMessage) (any, error) {
	return func(raw json.RawMessage) (any, error) {
		var value *T
		if err := json.Unmarshal(raw, &value); err != nil || value == nil {
			return nil, fmt.Errorf("found %s, expected %s", clip(string(raw), 40), expected)
		}
		return *value, nil
	}
}

func decodeNumbers(raw json.RawMessage) (any, error) {
	var values []*float64
	if err := json.Unmarshal(raw, &values); err != nil || values == nil {
		return nil, fmt.Errorf("found %s, expected a list of numbers", clip(string(raw), 40))
	}
	numbers := make([]float64, len(values))
	for i, v := range values {
		if v == nil {
			return nil, fmt.Errorf("entry %d is null, expected a number", i)
		}
		numbers[i] = *v
	}
	return numbers, nil
}

func decodeBetas(raw json.RawMessage) (any, error) {
	var name string
	if json.Unmarshal(raw, &name) == nil && name != "" {
		return name, nil
	}
	numbers, err := decodeNumbers(raw)
	if err != nil {
		return nil, fmt.Errorf("%w or the name of a schedule", err)
	}
	return numbers, nil
}
