package diffusers

import "fmt"

// config is a scheduler's options, defaults filled in, as its class reads them. Asking for an option that the class does not list is a
// mistake of the program.
type config struct {
	*Scheduler
	steps int // num_inference_steps
}

func (c *config) value(name string) any {
	o := c.class.option(name)
	if o == nil {
		panic(fmt.Sprintf("diffusers: %s has no option %s", c.Name(), name))
	}
	if v, ok := c.given[name]; ok {
		return v
	}
	return o.usual
}

// has says whether the class takes the option.
func (c *config) has(name string) bool { return c.class.option(name) != nil }

// number is an option's value; 0 for None, which isSet tells apart.
func (c *config) number(name string) float64 {
	v, _ := c.value(name).(float64)
	return v
}

func (c *config) whole(name string) int { return int(c.number(name)) }

// isSet says whether the option's value is not None; false for a class without it.
func (c *config) isSet(name string) bool { return c.has(name) && c.value(name) != nil }

// on is a switch; false for a class without it.
func (c *config) on(name string) bool {
	if !c.has(name) {
		return false
	}
	v, _ := c.value(name).(bool)
	return v
}

func (c *config) word(name string) string {
	v, _ := c.value(name).(string)
	return v
}

// numbers is a list; nil for None, and for a class without it.
func (c *config) numbers(name string) []float64 {
	if !c.has(name) {
		return nil
	}
	v, _ := c.value(name).([]float64)
	return v
}

// bad is an error about an option, as it is set.
func (c *config) bad(name, format string, args ...any) error {
	return fmt.Errorf("%s: option %s is %s, %s", c.Name(), name, shown(c.value(name)), fmt.Sprintf(format, args...))
}

// counted says that a list has as many steps as are asked for, if any are.
func (c *config) counted(list string, steps int) error {
	if c.steps == 0 || c.steps == steps {
		return nil
	}
	return c.bad(list, "which is %d steps, and %d are asked for: leave one of them out", steps, c.steps)
}
