package nn

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"odeon/internal/nearest"
)

// None in place of a number says that there is none; a text says none.
const None = -1

// A family is a kind of network: what ParseNet knows by name.
type family struct {
	name string
	of   func(d Data) settings
}

// settings are a network's fields. A field that is zero is settled from the data and the other fields.
type settings interface {
	Net
	Check() error
	settle()
	parameters() []parameter
}

var families = []family{
	{"mlp", func(d Data) settings { return &MLP{Data: d} }},
	{"unet", func(d Data) settings { return &UNet{Data: d} }},
	{"dit", func(d Data) settings { return &DiT{Data: d} }},
}

// A parameter is a field under the name that it has in a text. Its value is a pointer to it: an *int, an *[]int (2:3, or none),
// or a *string (one of words).
type parameter struct {
	name     string
	value    any
	min, max int // of numbers; min None: none is one of them
	words    []string
}

// ParseNet reads a network for the data: the name of a family, and in brackets what is to differ from the sizes that suit the data.
//
//	unet
//	mlp(width=256, depth=5)
//	unet(channels=64, mult=1:2:4, attention=16)
//	dit(patch=4, positions=sincos)
//
// An empty text chooses the family too. The parameters are the fields of [MLP], [UNet] and [DiT]. Numbers in a list have colons
// between them; none stands for an empty list or for what is left out. Errors say what there is and what would fit.
func ParseNet(text string, d Data) (Net, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	name, values, err := parseCall(text)
	if err != nil {
		return nil, err
	}
	if name == "" && len(values) == 0 {
		name = choose(d)
	}
	i := slices.IndexFunc(families, func(f family) bool { return f.name == name })
	if i < 0 {
		var names, known []string
		for _, f := range families {
			names = append(names, f.name)
			net := f.of(d)
			if net.settle(); net.Check() == nil {
				known = append(known, net.String())
			}
		}
		return nil, fmt.Errorf("unknown network %q%s; networks, with the sizes for this data, are: %s",
			clip(name), nearest.Hint(clip(name), names), strings.Join(known, "; "))
	}
	net := families[i].of(d)
	parameters := net.parameters()
	for _, v := range values {
		i := slices.IndexFunc(parameters, func(p parameter) bool { return p.name == v.name })
		if i < 0 {
			var names []string
			for _, p := range parameters {
				names = append(names, p.name)
			}
			return nil, fmt.Errorf("%s: unknown parameter %q%s; it has, with the values for this data: %v",
				name, clip(v.name), nearest.Hint(clip(v.name), names), net)
		}
		if err := parameters[i].set(v.text); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	net.settle()
	if err := net.Check(); err != nil {
		return nil, err
	}
	return net, nil
}

// A setting is name=text.
type setting struct{ name, text string }

// parseCall reads name(key=value, ...).
func parseCall(text string) (name string, values []setting, err error) {
	text = strings.TrimSpace(text)
	name, rest, has := strings.Cut(text, "(")
	name = strings.TrimSpace(name)
	if !has {
		return name, nil, nil
	}
	inner, closed := strings.CutSuffix(rest, ")")
	if !closed {
		return "", nil, fmt.Errorf("network %q: expected a closing bracket at the end", clip(text))
	}
	if strings.TrimSpace(inner) == "" {
		return name, nil, nil
	}
	for word := range strings.SplitSeq(inner, ",") {
		key, value, has := strings.Cut(word, "=")
		s := setting{strings.TrimSpace(key), strings.TrimSpace(value)}
		switch {
		case !has || s.name == "" || s.text == "":
			return "", nil, fmt.Errorf("network %q: found %q, expected name=value, as in unet(channels=64, mult=1:2:4)",
				clip(text), clip(strings.TrimSpace(word)))
		case slices.ContainsFunc(values, func(v setting) bool { return v.name == s.name }):
			return "", nil, fmt.Errorf("network %q: %s is given twice", clip(text), clip(s.name))
		}
		values = append(values, s)
	}
	return name, values, nil
}

// maxList is how many numbers a list may have.
const maxList = 16

// set reads the field from a text.
func (p parameter) set(text string) error {
	switch v := p.value.(type) {
	case *int:
		n, err := p.number(text)
		if err != nil {
			return err
		}
		*v = n
	case *[]int:
		list := []int{}
		if text != "none" {
			for word := range strings.SplitSeq(text, ":") {
				n, err := p.number(strings.TrimSpace(word))
				if err != nil {
					return err
				}
				if list = append(list, n); len(list) > maxList {
					return fmt.Errorf("%s has more than %d numbers", p.name, maxList)
				}
			}
		}
		*v = list
	case *string:
		if !slices.Contains(p.words, text) {
			return fmt.Errorf("%s: found %q%s, expected %s",
				p.name, clip(text), nearest.Hint(clip(text), p.words), strings.Join(p.words, " or "))
		}
		*v = text
	}
	return nil
}

func (p parameter) number(text string) (int, error) {
	if text == "none" && p.min == None {
		return None, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < max(p.min, 1) || n > p.max {
		return 0, fmt.Errorf("%s: found %q, expected %s", p.name, clip(text), p.expected())
	}
	return n, nil
}

func (p parameter) expected() string {
	text := fmt.Sprintf("a whole number from %d to %d", max(p.min, 1), p.max)
	if p.min == None {
		text += ", or none"
	}
	return text
}

// String is name=value, which set reads back.
func (p parameter) String() string {
	text := ""
	switch v := p.value.(type) {
	case *int:
		text = fmt.Sprint(*v)
		if *v == None {
			text = "none"
		}
	case *[]int:
		words := make([]string, len(*v))
		for i, n := range *v {
			words[i] = fmt.Sprint(n)
		}
		text = strings.Join(words, ":")
		if len(words) == 0 {
			text = "none"
		}
	case *string:
		text = *v
	}
	return p.name + "=" + text
}

// write is a network as ParseNet reads it.
func write(family string, parameters []parameter) string {
	words := make([]string, len(parameters))
	for i, p := range parameters {
		words[i] = p.String()
	}
	return family + "(" + strings.Join(words, ", ") + ")"
}

// check tells whether every field holds what a text could have set.
func check(family string, parameters []parameter) error {
	for _, p := range parameters {
		_, value, _ := strings.Cut(p.String(), "=")
		if err := p.set(value); err != nil {
			return fmt.Errorf("%s: %w", family, err)
		}
	}
	return nil
}
