package diffusers

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"odeon/internal/nearest"
)

// Scheduler is one of diffusers' classes with its options.
type Scheduler struct {
	// Published takes the published method where diffusers departs from it.
	Published bool
	// Notes are what a configuration said that the class does not take; diffusers passes over it too.
	Notes []string

	class *class
	given map[string]any
	unfed bool // the network's card says what it is fed, and the nodes do not; see Adapt
}

// Named is the scheduler of that name with its defaults: the class, with or without "Scheduler" and the "Discrete" or "Multistep" before it, in
// whatever spelling (FlowMatchEulerDiscreteScheduler, flow-match-euler), or a short name such as ddim, euler, dpmsolver++.
func Named(name string) (*Scheduler, error) {
	plain := bare(strings.TrimSuffix(strings.TrimSpace(name), "Scheduler"))
	var names, shorts []string
	for _, c := range classes() {
		known := append([]string{c.name, strings.TrimSuffix(c.name, "Discrete"), strings.TrimSuffix(c.name, "Multistep")}, c.short...)
		if slices.ContainsFunc(known, func(k string) bool { return bare(k) == plain }) {
			if c.walk == nil {
				return nil, fmt.Errorf("scheduler %s is not supported: %s", c.full(), c.why)
			}
			return &Scheduler{class: c, given: map[string]any{}}, nil
		}
		if c.walk != nil {
			names, shorts = append(names, c.full()), append(shorts, c.short...)
		}
	}
	hint := nearest.Hint(name, slices.Concat(names, shorts))
	if hint == "" {
		hint = nearest.Hint(name+"Scheduler", names)
	}
	return nil, fmt.Errorf("unknown scheduler %q%s; known are %s", name, hint, strings.Join(names, ", "))
}

// bare is a name without what spellings differ in.
func bare(name string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(name))
}

// Parse reads a scheduler_config.json. Keys that begin with _ are diffusers' own records and say nothing about sampling.
func Parse(text []byte) (*Scheduler, error) { return ParseAs("", text) }

// ParseAs makes another class's scheduler of a configuration, as from_config does: the options that both take stay, and the others become
// Notes. The class "" is the configuration's own.
func ParseAs(class string, text []byte) (*Scheduler, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(infinities(text), &members); err != nil {
		return nil, fmt.Errorf("found no JSON object (%w), expected a scheduler's configuration, {\"_class_name\": \"DDIMScheduler\", ...}", err)
	}
	name := class
	if raw, ok := members["_class_name"]; class == "" && (!ok || json.Unmarshal(raw, &name) != nil || name == "") {
		return nil, errors.New("no \"_class_name\" that is a text, expected that of a scheduler, such as \"DDIMScheduler\"")
	}
	s, err := Named(name)
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		if strings.HasPrefix(key, "_") {
			continue
		}
		o := s.class.option(key)
		if o == nil && takenByAnother(key) {
			s.Notes = append(s.Notes, fmt.Sprintf("%s takes no option %s: passed over, as by diffusers", s.Name(), key))
			continue
		}
		if o == nil || o.call {
			return nil, s.unknown(key, o)
		}
		value, err := s.readJSON(o, members[key])
		if err != nil {
			return nil, err
		}
		if s.given[key] = value; o.elsewhere != "" && !equal(value, o.usual) {
			s.Notes = append(s.Notes, fmt.Sprintf("%s reads option %s=%s and does nothing with it: %s", s.Name(), key, shown(value), o.elsewhere))
		}
	}
	return s, nil
}

// infinity is a number that Python's json writes and that JSON does not have.
var infinity = regexp.MustCompile(`([:,\[]\s*)(-?Infinity|NaN)(\s*[,}\]])`)

// infinities makes texts of them.
func infinities(text []byte) []byte {
	return infinity.ReplaceAll(text, []byte(`$1"$2"$3`))
}

// Options are the options that are set, in the order in which the class lists them: "beta_end=0.012".
func (s *Scheduler) Options() []string {
	var texts []string
	for i := range s.class.options {
		o := &s.class.options[i]
		if v, ok := s.given[o.name]; ok && !equal(v, o.usual) {
			texts = append(texts, o.name+"="+shown(v))
		}
	}
	return texts
}

// Name is the class: "DDIMScheduler".
func (s *Scheduler) Name() string { return s.class.full() }

// Set gives an option, or an argument of set_timesteps or step, as it is written on the command line: "use_karras_sigmas=true",
// "eta=0.5", "sigmas=1,0.5,0".
func (s *Scheduler) Set(text string) error {
	key, value, found := strings.Cut(text, "=")
	if key = strings.TrimSpace(key); !found || key == "" {
		return fmt.Errorf("%q: expected an option and its value, K=V", text)
	}
	o := s.class.option(key)
	if o == nil {
		return s.unknown(key, nil)
	}
	v, err := s.readText(o, strings.TrimSpace(value))
	if err != nil {
		return err
	}
	if o.elsewhere != "" && !equal(v, o.usual) {
		return fmt.Errorf("%s does nothing with option %s, found %s: %s; leave it out", s.Name(), key, value, o.elsewhere)
	}
	s.given[key] = v
	return nil
}

// option finds an option by its name; nil where the class has none of it.
func (c *class) option(name string) *option {
	for i := range c.options {
		if c.options[i].name == name {
			return &c.options[i]
		}
	}
	return nil
}

// takenByAnother says whether a configuration's key is an option of some class.
func takenByAnother(key string) bool {
	return slices.ContainsFunc(classes(), func(c *class) bool {
		o := c.option(key)
		return o != nil && !o.call
	})
}

func (s *Scheduler) unknown(key string, o *option) error {
	if o != nil {
		return fmt.Errorf("%s: %s is an argument of set_timesteps or step, which a configuration does not hold; give it with --scheduler-option, %s=VALUE", s.Name(), key, key)
	}
	var names []string
	for i := range s.class.options {
		names = append(names, s.class.options[i].name)
	}
	return fmt.Errorf("%s: unknown option %q%s; known are %s", s.Name(), key, nearest.Hint(key, names), strings.Join(names, ", "))
}

// readJSON reads an option's value in a configuration.
func (s *Scheduler) readJSON(o *option, raw json.RawMessage) (any, error) {
	raw = bytes.TrimSpace(raw)
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return nil, err
	}
	if list, ok := value.([]any); ok {
		numbers := make([]float64, len(list))
		for i, x := range list {
			v, ok := x.(float64)
			if !ok {
				return nil, s.mismatch(o, string(raw))
			}
			numbers[i] = v
		}
		value = numbers
	}
	return s.accept(o, value, string(raw))
}

// readText reads an option's value on the command line.
func (s *Scheduler) readText(o *option, text string) (any, error) {
	if strings.EqualFold(text, "none") || text == "null" {
		return s.accept(o, nil, text)
	}
	switch o.kind {
	case aNumber, aWhole:
		if v, err := strconv.ParseFloat(text, 64); err == nil {
			return s.accept(o, v, text)
		}
	case aSwitch:
		if v, err := strconv.ParseBool(strings.ToLower(text)); err == nil {
			return s.accept(o, v, text)
		}
	case aWord, aText:
		return s.accept(o, text, text)
	case aNumbers:
		numbers := []float64{}
		for part := range strings.SplitSeq(strings.Trim(text, "[]"), ",") {
			if part = strings.TrimSpace(part); part == "" && text != "" {
				continue
			}
			v, err := strconv.ParseFloat(part, 64)
			if err != nil {
				return nil, s.mismatch(o, text)
			}
			numbers = append(numbers, v)
		}
		return s.accept(o, numbers, text)
	}
	return nil, s.mismatch(o, text)
}

// accept checks a value, which is found in the text.
func (s *Scheduler) accept(o *option, value any, text string) (any, error) {
	if equal(value, o.usual) || o.elsewhere != "" {
		return value, nil
	}
	if o.only != "" {
		return nil, fmt.Errorf("%s: option %s is %s, and only %s is supported: %s", s.Name(), o.name, text, shown(o.usual), o.only)
	}
	ok := false
	switch v := value.(type) {
	case nil:
	case float64:
		ok = o.kind == aNumber && !math.IsNaN(v) && (!math.IsInf(v, 0) || o.within == nil) || o.kind == aWhole && v == math.Trunc(v)
		if ok && o.within != nil && !(v >= o.within[0] && v <= o.within[1]) {
			return nil, fmt.Errorf("%s: option %s is %s, expected %s from %v to %v", s.Name(), o.name, text, o.kind, o.within[0], o.within[1])
		}
	case bool:
		ok = o.kind == aSwitch
	case []float64:
		ok = o.kind == aNumbers && !slices.ContainsFunc(v, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) })
	case string:
		if o.kind == aNumber && (v == "inf" || v == "-inf" || v == "Infinity" || v == "-Infinity") { // json has no infinity, and diffusers writes one as a text
			x, _ := strconv.ParseFloat(v, 64)
			return s.accept(o, x, text)
		}
		if ok = o.kind == aText; o.kind == aWord {
			if why, known := o.unsupported[v]; known {
				return nil, fmt.Errorf("%s: option %s %q is not supported: %s; supported are %s", s.Name(), o.name, v, why, strings.Join(o.words, ", "))
			}
			if !slices.Contains(o.words, v) {
				return nil, fmt.Errorf("%s: unknown %s %q%s; supported are %s", s.Name(), o.name, v, nearest.Hint(v, o.words), strings.Join(o.words, ", "))
			}
			ok = true
		}
	}
	if !ok {
		return nil, s.mismatch(o, text)
	}
	return value, nil
}

func (s *Scheduler) mismatch(o *option, text string) error {
	expected := o.kind.String()
	if o.kind == aWord {
		expected = "one of " + strings.Join(o.words, ", ")
	}
	if len(text) > 60 {
		text = text[:60] + "..."
	}
	return fmt.Errorf("%s: option %s is %s, expected %s", s.Name(), o.name, cmp.Or(text, "empty"), expected)
}

// equal compares values of options.
func equal(a, b any) bool {
	x, listed := a.([]float64)
	y, other := b.([]float64)
	if listed || other {
		return listed && other && slices.Equal(x, y)
	}
	return a == b
}

// shown is a value as messages write it.
func shown(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case []float64:
		var texts []string
		for i, x := range v {
			if i == 8 {
				texts = append(texts, "...")
				break
			}
			texts = append(texts, written(x))
		}
		return strings.Join(texts, ",")
	}
	return fmt.Sprint(value)
}

// written is a number in the fewest digits that read back as it.
func written(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
