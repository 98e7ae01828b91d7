package models

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"odeon/internal/nearest"
)

// NullLabel stands for no class among labels. What the network is fed for it is the card's labels.null.
const NullLabel = math.MinInt

// mostLabels bounds the classes that a card or a graph may claim, and a range such as 0-999 that somebody mistypes.
const mostLabels = 1 << 20

// All lists every class: what a model with classes goes through when none is asked for.
func (l *Labels) All() ([]int, error) {
	if l == nil || l.Count == 0 {
		return nil, errors.New(`the number of classes is not known; give --label, "labels": {"count": N} in a card, or --labels N`)
	}
	all := make([]int, l.Count)
	for i := range all {
		all[i] = i
	}
	return all, nil
}

// Parse reads classes by number or name: 3; 0-9; 20,21; cat; null. A number means the class of that number even where a class
// has that number as its name. A name may hold a comma where it is the whole text.
func (l *Labels) Parse(text string) ([]int, error) {
	if label, err := l.one(text); err == nil {
		return []int{label}, nil
	}
	var out []int
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if from, to, ok := labelRange(part); ok && !slices.Contains(l.Names, part) {
			if len(out)+max(to-from, from-to) >= mostLabels {
				return nil, fmt.Errorf("%q lists more than %d classes", text, mostLabels)
			}
			step := 1
			if to < from {
				step = -1
			}
			for i := from; i != to+step; i += step {
				if err := l.inRange(i); err != nil {
					return nil, err
				}
				out = append(out, i)
			}
			continue
		}
		label, err := l.one(part)
		if err != nil {
			return nil, err
		}
		out = append(out, label)
	}
	return out, nil
}

// labelRange reads 0-9. Neither end is negative.
func labelRange(text string) (from, to int, ok bool) {
	a, b, found := strings.Cut(text, "-")
	from, errA := strconv.Atoi(a)
	to, errB := strconv.Atoi(b)
	return from, to, found && errA == nil && errB == nil && from >= 0 && to >= 0
}

// one reads a single class.
func (l *Labels) one(text string) (int, error) {
	if i, err := strconv.Atoi(text); err == nil {
		if null := l.Null; null != nil && !null.Zeros && i == null.Index {
			return NullLabel, nil
		}
		return i, l.inRange(i)
	}
	if i := slices.Index(l.Names, text); i >= 0 {
		return i, nil
	}
	if text == "null" {
		if l.Null == nil {
			return 0, errors.New(`the card does not say what this network takes for no class; give "labels": {"null": ...} in a card`)
		}
		return NullLabel, nil
	}
	for _, called := range []func(name string) bool{
		func(name string) bool { return strings.EqualFold(name, text) },
		func(name string) bool { return isSynonym(text, name) },
	} {
		if i := slices.IndexFunc(l.Names, called); i >= 0 && !slices.ContainsFunc(l.Names[i+1:], called) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("found class %q%s, expected %s", text, nearest.Hint(text, l.Names), l.choices())
}

// isSynonym says whether text is one of the names that ImageNet's classes list: "tench, Tinca tinca".
func isSynonym(text, names string) bool {
	for name := range strings.SplitSeq(names, ",") {
		if strings.EqualFold(strings.TrimSpace(name), text) {
			return true
		}
	}
	return false
}

// inRange says whether there is a class of this number.
func (l *Labels) inRange(i int) error {
	if i < 0 || (l.Count > 0 && i >= l.Count) {
		return fmt.Errorf("found class %d, expected %s", i, l.choices())
	}
	return nil
}

func (l *Labels) choices() string {
	text := "a number from 0"
	if l.Count > 0 {
		text = fmt.Sprintf("0 to %d", l.Count-1)
	}
	if n := len(l.Names); n > 0 {
		text += " or a name, " + listSome(l.Names, 12)
	}
	if l.Null != nil {
		text += ", or null"
	}
	return text
}

// listSome joins the first few of many words.
func listSome(words []string, most int) string {
	if len(words) <= most {
		return strings.Join(words, ", ")
	}
	return fmt.Sprintf("%s, ... (%d in all)", strings.Join(words[:most], ", "), len(words))
}

// Title is the class's name, or its number.
func (l *Labels) Title(label int) string {
	switch {
	case label == NullLabel:
		return "null"
	case l != nil && label >= 0 && label < len(l.Names):
		return l.Names[label]
	}
	return strconv.Itoa(label)
}
