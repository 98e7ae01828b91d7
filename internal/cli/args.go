package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"odeon/internal/nearest"
)

// arrange checks the words of a command line against the flags that its command has, and puts flags before
// arguments, since urfave/cli stops reading flags at the first argument. After "--" everything is an argument.
func arrange(app *cli.App, args []string) ([]string, error) {
	commands, flags, path := app.Commands, app.Flags, []string{}
	for len(args) > 0 && len(commands) > 0 && !strings.HasPrefix(args[0], "-") {
		if args[0] == "help" {
			args = append(slices.Clone(args[1:]), "--help")
			continue
		}
		i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(args[0]) })
		if i < 0 {
			return nil, unknownCommand(args[0], path, commands)
		}
		path, flags, commands, args = append(path, args[0]), commands[i].Flags, commands[i].Subcommands, args[1:]
	}
	var front, rest []string
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		switch {
		case word == "--":
			rest, args = append(rest, args...), nil
		case word == "-" || !strings.HasPrefix(word, "-"):
			rest = append(rest, word)
		default:
			name, value, joined := strings.Cut(strings.TrimLeft(word, "-"), "=")
			if name == "help" || name == "h" {
				return append(path, "--help"), nil
			}
			takesValue, err := lookup(flags, name, path)
			if err != nil {
				return nil, err
			}
			if _, err := strconv.ParseBool(value); joined && !takesValue && err != nil {
				return nil, bad("--"+name, value, "true or false")
			}
			front = append(front, word)
			if takesValue && !joined {
				if len(args) == 0 {
					return nil, usagef("flag %s needs a value; see odeon %s--help", word, prefix(path))
				}
				front, args = append(front, args[0]), args[1:]
			}
		}
	}
	if len(commands) > 0 && len(rest) > 0 {
		return nil, unknownCommand(rest[0], path, commands)
	}
	return slices.Concat(path, front, []string{"--"}, rest), nil
}

// lookup says whether the flag takes a value.
func lookup(flags []cli.Flag, name string, path []string) (takesValue bool, err error) {
	var known []string
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			_, isBool := f.(*cli.BoolFlag)
			return !isBool, nil
		}
		known = append(known, f.Names()[0])
	}
	return false, usagef("unknown flag --%s%s; see odeon %s--help", name, nearest.Hint(name, known), prefix(path))
}

func unknownCommand(word string, path []string, commands []*cli.Command) error {
	var known []string
	for _, c := range commands {
		known = append(known, c.Name)
	}
	return usagef("unknown command %q%s; commands of odeon %sare %s", word, nearest.Hint(word, known), prefix(path), strings.Join(known, ", "))
}

func prefix(path []string) string {
	if len(path) == 0 {
		return ""
	}
	return strings.Join(path, " ") + " "
}

// oneModel is the command's only argument, or "" where it has none.
func oneModel(c *cli.Context) (string, error) {
	if c.NArg() > 1 {
		return "", usagef("odeon %s takes one MODEL, found %d arguments: %s", c.Command.Name, c.NArg(), strings.Join(quoted(c.Args().Slice()), ", "))
	}
	return c.Args().First(), nil
}

func quoted(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = fmt.Sprintf("%q", w)
	}
	return out
}
