package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

const (
	helpWidth  = 100
	helpIndent = 28 // of what a flag means
)

// printHelp stands in for urfave/cli's templates: flags stay in the order and under the heads of flags.go.
func printHelp(w io.Writer, _ string, what any) {
	switch c := what.(type) {
	case *cli.App:
		fmt.Fprintf(w, "Odeon %s.\n\nUsage: %s\n\n%s\n\n", c.Usage, c.UsageText, c.Description)
		printCommands(w, "odeon", c.Commands)
		printFlags(w, c.Flags)
		fmt.Fprint(w, "\nExit codes: 0 done, 1 the work failed, 2 the command line is wrong, 130 interrupted.\n")
	case *cli.Command:
		name := c.HelpName
		if len(c.Subcommands) > 0 {
			fmt.Fprintf(w, "%s: %s.\n\nUsage: %s COMMAND\n\n", name, c.Usage, name)
			printCommands(w, name, c.Subcommands)
			return
		}
		fmt.Fprintf(w, "%s: %s.\n\nUsage: %s\n", name, c.Usage, strings.Join(strings.Fields(name+" "+c.ArgsUsage+" [flags]"), " "))
		if c.Description != "" {
			fmt.Fprintf(w, "\n%s\n", c.Description)
		}
		printFlags(w, c.Flags)
	}
}

func printCommands(w io.Writer, name string, commands []*cli.Command) {
	fmt.Fprintln(w, "Commands")
	for _, c := range commands {
		printItem(w, c.Name, c.Usage)
	}
	fmt.Fprintf(w, "\n%s COMMAND --help tells the flags of a command.\n", name)
}

func printFlags(w io.Writer, flags []cli.Flag) {
	head := "-"
	for _, f := range flags {
		d, ok := f.(cli.DocGenerationFlag)
		if !ok || slices.Contains(f.Names(), "help") {
			continue
		}
		category := ""
		if c, ok := f.(cli.CategorizableFlag); ok {
			category = c.GetCategory()
		}
		if category != head {
			head = category
			fmt.Fprintf(w, "\n%s\n", cmp.Or(category, "Flags"))
		}
		var names []string
		for _, name := range f.Names() {
			if len(name) == 1 {
				names = append([]string{"-" + name}, names...)
			} else {
				names = append(names, "--"+name)
			}
		}
		// As in the standard library's flag package, the word in backquotes is what the value is called.
		left, usage := strings.Join(names, ", "), d.GetUsage()
		if _, rest, ok := strings.Cut(usage, "`"); ok {
			value, _, _ := strings.Cut(rest, "`")
			left += " " + value
		}
		printItem(w, left, strings.ReplaceAll(usage, "`", ""))
	}
}

// printItem writes a name and what it means, wrapped.
func printItem(w io.Writer, left, text string) {
	line := fmt.Sprintf("  %-*s", helpIndent-2, left)
	if len(line) > helpIndent {
		fmt.Fprintln(w, line)
		line = strings.Repeat(" ", helpIndent)
	}
	for i, word := range strings.Fields(text) {
		if i > 0 && len(line)+1+len(word) > helpWidth {
			fmt.Fprintln(w, line)
			line = strings.Repeat(" ", helpIndent)
		} else if i > 0 {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(w, line)
}
