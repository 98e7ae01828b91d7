package cli

import (
	"slices"

	"github.com/urfave/cli/v2"
)

// edit is what the flags say of a walk that begins in given data: which files hold them and the mask.
type edit struct {
	from, mask []string
	strength   bool // whether a share of the walk was asked for
	invert     bool
}

// parseEdit finds what contradicts itself.
func parseEdit(c *cli.Context) (edit, error) {
	e := edit{from: c.StringSlice("from"), mask: c.StringSlice("mask"), strength: c.IsSet("strength"), invert: c.Bool("invert")}
	from, mask, init := len(e.from) > 0, len(e.mask) > 0, c.IsSet("init")
	for _, rule := range []struct {
		wrong bool
		text  string
	}{
		{slices.Contains(e.from, "") || slices.Contains(e.mask, ""), "--from and --mask: found an empty name, expected a file"},
		{from && init, "--from gives data to begin in, and --init the first state itself; give one of them"},
		{e.invert && !from && !init, "--invert walks from data to noise; give the data with --from FILE, or the state itself with --init FILE"},
		{e.invert && c.IsSet("init-noise"), "--invert finds the noise, and --init-noise gives it; give one of them"},
		{mask && !from, "--mask says what to keep of given data; give them with --from FILE"},
		{e.strength && !from && !e.invert, "--strength is how much of the walk is taken from given data; give them with --from FILE"},
		{from && !e.strength && !mask && !e.invert && !c.IsSet("plan"), "--from gives data to begin in; say what to do with them: --strength S, --mask FILE or --invert"},
		{c.IsSet("invert-label") && !e.invert && !c.IsSet("plan"), "--invert-label names the classes on the way to noise; give --invert with it"},
	} {
		if rule.wrong {
			return e, usagef("%s", rule.text)
		}
	}
	return e, nil
}
