package onnx

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// loaders says where each operating system's dynamic loader looks: folders listed in environment variables, then folders of its
// own. All systems but these are like Linux.
var loaders = map[string]struct {
	variables []string
	folders   func() []string
}{
	"linux": {[]string{"LD_LIBRARY_PATH"}, func() []string {
		folders := configuredFolders("/etc/ld.so.conf", 0)
		return append(folders, "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib")
	}},
	"darwin": {[]string{"DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"}, func() []string {
		return []string{"/usr/local/lib", "/opt/homebrew/lib", "/usr/lib"}
	}},
	"windows": {[]string{"PATH"}, func() []string {
		return []string{filepath.Join(os.Getenv("SystemRoot"), "System32")}
	}},
}

// loaderFolders are the existing folders that the dynamic loader searches, in its order.
func loaderFolders() []string {
	loader, ok := loaders[runtime.GOOS]
	if !ok {
		loader = loaders["linux"]
	}
	var all []string
	for _, variable := range loader.variables {
		all = append(all, filepath.SplitList(os.Getenv(variable))...)
	}
	all = append(all, loader.folders()...)
	var folders []string
	for _, folder := range all {
		// An empty or relative entry means the current folder, which decides nothing here.
		if !filepath.IsAbs(folder) || slices.Contains(folders, folder) {
			continue
		}
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			folders = append(folders, folder)
		}
	}
	return folders
}

// inLoaderFolders tells whether the loader would find a library of this name.
func inLoaderFolders(name string) bool {
	return slices.ContainsFunc(loaderFolders(), func(folder string) bool {
		_, err := os.Stat(filepath.Join(folder, name))
		return err == nil
	})
}

// configuredFolders are the folders of ld.so.conf(5): one a line, # comments, and include lines with patterns.
func configuredFolders(path string, depth int) []string {
	const deepest = 8
	file, err := os.Open(path)
	if err != nil || depth > deepest {
		return nil
	}
	defer file.Close()
	var folders []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		line = strings.TrimSpace(line)
		pattern, include := strings.CutPrefix(line, "include ")
		switch {
		case include:
			pattern = strings.TrimSpace(pattern)
			if !filepath.IsAbs(pattern) {
				pattern = filepath.Join(filepath.Dir(path), pattern)
			}
			// A malformed pattern matches nothing, here as for the loader.
			included, _ := filepath.Glob(pattern)
			for _, file := range included {
				folders = append(folders, configuredFolders(file, depth+1)...)
			}
		case line != "":
			folders = append(folders, line)
		}
	}
	return folders
}
