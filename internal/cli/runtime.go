package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"

	"odeon/models"
	"odeon/onnx"
)

func runtimeCommand() *cli.Command {
	return &cli.Command{
		Name:  "runtime",
		Usage: "gets ONNX Runtime, and says where it is",
		Subcommands: []*cli.Command{
			{
				Name:        "install",
				Usage:       "gets ONNX Runtime into the user's cache",
				Description: "By pip, else npm, else the project's release archive; the library's checksum is pinned in Odeon.",
				Flags: []cli.Flag{
					switched("gpu", "with the CUDA provider and the CUDA libraries (downloads 1.4 GB)"),
					switched("quiet", "no progress"),
				},
				Action: func(c *cli.Context) error {
					if err := noArguments(c); err != nil {
						return err
					}
					lib, err := install(c.Context, c.App.ErrWriter, c.Bool("quiet"), c.Bool("gpu"))
					if err != nil {
						return err
					}
					_, err = fmt.Fprintln(c.App.Writer, lib.Path)
					return err
				},
			},
			{
				Name:  "path",
				Usage: "says which library would be used",
				Flags: []cli.Flag{libraryFlag()},
				Action: func(c *cli.Context) error {
					if err := noArguments(c); err != nil {
						return err
					}
					lib, err := onnx.Find(c.String("runtime"))
					if err != nil {
						return err
					}
					_, err = fmt.Fprintln(c.App.Writer, lib.Path)
					return err
				},
			},
		},
		Action: func(c *cli.Context) error {
			return usagef("odeon runtime needs a command: install or path")
		},
	}
}

func providersCommand() *cli.Command {
	return &cli.Command{
		Name:  "providers",
		Usage: "lists execution providers: usable here, or why not",
		Flags: []cli.Flag{switched("json", "as JSON"), libraryFlag()},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			return providers(c)
		},
	}
}

func providers(c *cli.Context) error {
	lib, statuses, err := providerStatuses(c.String("runtime"))
	if err != nil {
		return err
	}
	if c.Bool("json") {
		type provider struct {
			Name   string `json:"name"`
			Usable bool   `json:"usable"`
			Reason string `json:"reason,omitempty"`
		}
		report := struct {
			Library   string     `json:"library"`
			Version   string     `json:"version"`
			Found     string     `json:"found"`
			Providers []provider `json:"providers"`
		}{lib.Path, lib.Version, lib.Source, nil}
		for _, p := range statuses {
			report.Providers = append(report.Providers, provider(p))
		}
		return writeJSON(c.App.Writer, report)
	}
	if lib.Path == "" {
		fmt.Fprint(c.App.Writer, "no ONNX Runtime found\n\n")
	} else {
		fmt.Fprintf(c.App.Writer, "ONNX Runtime %s  %s  (%s)\n\n", lib.Version, lib.Path, lib.Source)
	}
	for _, p := range statuses {
		state := "usable"
		if !p.Usable {
			state = "not usable: " + p.Reason
		}
		fmt.Fprintf(c.App.Writer, "%-10s %s\n", p.Name, state)
	}
	return nil
}

// providerStatuses are those of the library's providers and of Go. Where there is no library, Go's is all that is usable.
func providerStatuses(explicit string) (onnx.Library, []onnx.ProviderStatus, error) {
	own := onnx.ProviderStatus{Name: models.Go, Usable: true}
	lib, err := onnx.Find(explicit)
	if errors.As(err, new(*onnx.NotFoundError)) {
		var statuses []onnx.ProviderStatus
		for _, name := range onnx.ProviderNames()[1:] {
			statuses = append(statuses, onnx.ProviderStatus{Name: name, Reason: "needs ONNX Runtime, which `odeon runtime install` gets"})
		}
		return lib, append(statuses, own), nil
	}
	if err != nil {
		return lib, nil, err
	}
	rt, err := onnx.Open(lib)
	if err != nil {
		return lib, nil, err
	}
	return rt.Library(), append(rt.Providers(), own), nil
}

func noArguments(c *cli.Context) error {
	if c.NArg() > 0 {
		return usagef("odeon %s takes no arguments, found %q", c.Command.FullName(), c.Args().First())
	}
	return nil
}

// findOrInstall finds ONNX Runtime, and gets it where there is none. A library that the user names is never replaced.
func findOrInstall(ctx context.Context, w io.Writer, quiet bool, explicit string) (onnx.Library, error) {
	lib, err := onnx.Find(explicit)
	var missing *onnx.NotFoundError
	if err == nil || explicit != "" || !errors.As(err, &missing) {
		return lib, err
	}
	return install(ctx, w, quiet, false)
}

// install gets ONNX Runtime, with a line and a bar for each stage.
func install(ctx context.Context, w io.Writer, quiet, gpu bool) (onnx.Library, error) {
	options := onnx.InstallOptions{GPU: gpu}
	bars := &stages{w: w}
	if !quiet {
		options.Progress = bars.update
	}
	lib, err := onnx.Install(ctx, options)
	bars.end()
	if err != nil {
		return onnx.Library{}, err
	}
	note(w, quiet, "ONNX Runtime %s is in %s", lib.Version, lib.Path)
	return lib, nil
}

// stages shows work that comes in named stages, each counted in bytes.
type stages struct {
	w     io.Writer
	stage string
	bar   *progressbar.ProgressBar
}

func (s *stages) update(stage string, done, total int64) {
	if stage != s.stage {
		s.end()
		s.stage = stage
		f := terminal(s.w)
		if f == nil || total <= 0 {
			fmt.Fprintln(s.w, stage)
			return
		}
		s.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(f),
			progressbar.OptionSetDescription(stage),
			progressbar.OptionShowBytes(true),
			progressbar.OptionSetWidth(24),
			progressbar.OptionClearOnFinish(),
		)
		s.bar.Reset() // starts its clock
		_ = s.bar.RenderBlank()
	}
	if s.bar != nil {
		_ = s.bar.Set64(min(done, total))
	}
}

func (s *stages) end() {
	if s.bar != nil {
		_ = s.bar.Clear()
		s.bar = nil
	}
}
