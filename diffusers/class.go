package diffusers

import "slices"

// A class is one of diffusers' scheduler classes.
type class struct {
	name    string   // without "Scheduler": EulerDiscrete
	short   []string // further names on the command line: euler
	options []option
	flow    bool // whether it walks the straight path of flow matching
	double  bool // whether its timesteps are float64, where most classes have float32
	walk    func(c *config) (*Walk, error)
	why     string // where walk is nil: why the class is not supported
}

// full is the name of the Python class.
func (c *class) full() string { return c.name + "Scheduler" }

// A kind is what an option's value may be.
type kind int

const (
	aNumber  kind = iota // float64
	aWhole               // float64 without a fraction
	aSwitch              // bool
	aWord                // string, one of option.words
	aNumbers             // []float64
	aText                // string
)

// words are how messages call the kinds.
func (k kind) String() string {
	return [...]string{"a number", "a whole number", "true or false", "a word", "a list of numbers", "a text"}[k]
}

// An option is an argument of a class's constructor, or of its set_timesteps or step.
type option struct {
	name string
	kind kind
	// usual is the default: a float64, bool, string, []float64, or nil for Python's None.
	usual any
	// words are the supported values of a word. unsupported ones are diffusers' too, but not Odeon's; the text says why.
	words       []string
	unsupported map[string]string
	// within bounds a number; nil: any finite one.
	within *[2]float64
	// only says that no value but the default is supported, and why. With elsewhere, that the value matters to something other than
	// sampling, and what; it is read and passed over.
	only, elsewhere string
	// call says that it is an argument of set_timesteps or step, which no configuration holds.
	call bool
}

// join puts groups of options together.
func join(groups ...[]option) []option { return slices.Concat(groups...) }

// betas are the options of a table of trained noise levels.
func betas(start, end float64, schedule string, schedules ...string) []option {
	return []option{
		{name: "num_train_timesteps", kind: aWhole, usual: 1000.0, within: &[2]float64{1, 1 << 20}},
		{name: "beta_start", kind: aNumber, usual: start, within: &[2]float64{0, 1}},
		{name: "beta_end", kind: aNumber, usual: end, within: &[2]float64{0, 1}},
		{name: "beta_schedule", kind: aWord, usual: schedule, words: schedules},
		{name: "trained_betas", kind: aNumbers},
	}
}

// predicts is prediction_type.
func predicts(usual string, words ...string) []option {
	return []option{{name: "prediction_type", kind: aWord, usual: usual, words: words}}
}

// spaced are the options of the spacing of timesteps.
func spaced(usual string) []option {
	return []option{
		{name: "timestep_spacing", kind: aWord, usual: usual, words: []string{"linspace", "leading", "trailing"}},
		{name: "steps_offset", kind: aWhole, usual: 0.0, within: &[2]float64{0, 1 << 20}},
	}
}

// switches are options that are on or off.
func switches(usual bool, names ...string) []option {
	var list []option
	for _, name := range names {
		list = append(list, option{name: name, kind: aSwitch, usual: usual})
	}
	return list
}

// number is an option that is a number; usual may be nil.
func number(name string, usual any) option { return option{name: name, kind: aNumber, usual: usual} }

// thresholds are the options of dynamic thresholding.
func thresholds() []option {
	return []option{
		{name: "thresholding", kind: aSwitch, usual: false},
		{name: "dynamic_thresholding_ratio", kind: aNumber, usual: 0.995, within: &[2]float64{0, 1}},
		{name: "sample_max_value", kind: aNumber, usual: 1.0},
	}
}

// calls marks options as arguments of set_timesteps or step.
func calls(list ...option) []option {
	for i := range list {
		list[i].call = true
	}
	return list
}

// classes are all that are known, in the order of their names.
func classes() []*class {
	all := slices.Concat(levelClasses(), flowClasses(), edmClasses(), scoreClasses(), trainedClasses(), dpmClasses(), otherClasses())
	list := make([]*class, len(all))
	for i := range all {
		list[i] = &all[i]
	}
	slices.SortFunc(list, func(a, b *class) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return list
}
