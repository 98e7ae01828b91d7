package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"odeon/models"
)

func modelsCommand() *cli.Command {
	return &cli.Command{
		Name:  "models",
		Usage: "lists the embedded models",
		Flags: []cli.Flag{switched("json", "as JSON")},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			if c.Bool("json") {
				type entry struct {
					Name        string `json:"name"`
					Description string `json:"description"`
					Bytes       int    `json:"bytes"`
				}
				var entries []entry
				for _, m := range models.Embedded() {
					entries = append(entries, entry{m.Name, m.Description, len(m.ONNX)})
				}
				return writeJSON(c.App.Writer, entries)
			}
			for _, m := range models.Embedded() {
				name := m.Name
				if name == models.Default {
					name += " *"
				}
				fmt.Fprintf(c.App.Writer, "%-14s %8s  %s\n", name, bytesText(int64(len(m.ONNX))), m.Description)
			}
			fmt.Fprintln(c.App.Writer, "\n* the default. Sample one with: odeon sample NAME")
			return nil
		},
	}
}
