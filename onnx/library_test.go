package onnx

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// realLibrary is the path of the library that the tests run on.
func realLibrary(t *testing.T) string {
	t.Helper()
	return openRuntime(t).Library().Path
}

// nowhere takes away every place in which Find looks.
func nowhere(t *testing.T) {
	t.Helper()
	empty := t.TempDir()
	for _, variable := range []string{"XDG_CACHE_HOME", "HOME", "PATH", "LocalAppData"} {
		t.Setenv(variable, empty)
	}
	for _, variable := range []string{LibraryVariable, "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"} {
		t.Setenv(variable, "")
	}
	if library, err := loaderLibrary(); err == nil {
		t.Skipf("this machine has %s in its loader's folders", library.Path)
	}
}

// linked puts the real library under a name in a folder of its own.
func linked(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.Symlink(realLibrary(t), path))
	return path
}

// oldCopy is the real library calling itself 1.20.1, in the way of ELF libraries.
func oldCopy(t *testing.T, path string) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("makes an ELF library")
	}
	content, err := os.ReadFile(realLibrary(t))
	require.NoError(t, err)
	version := openRuntime(t).Library().Version
	content = bytes.ReplaceAll(content, []byte("VERS_"+version), []byte("VERS_1.20.1"))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, content, 0o755))
	return path
}

func TestFindTakesWhatIsNamedOrRefusesIt(t *testing.T) {
	library := linked(t, "libonnxruntime.so.1")
	text := filepath.Join(t.TempDir(), "readme.txt")
	require.NoError(t, os.WriteFile(text, []byte("a readme"), 0o644))
	empty := filepath.Join(t.TempDir(), "empty.so")
	require.NoError(t, os.WriteFile(empty, nil, 0o644))
	self, err := os.Executable()
	require.NoError(t, err)

	for _, given := range []struct {
		source string
		find   func(path string) (Library, error)
	}{
		{"--runtime", Find},
		{LibraryVariable, func(path string) (Library, error) {
			t.Setenv(LibraryVariable, path)
			return Find("")
		}},
	} {
		found, err := given.find(library)
		require.NoError(t, err)
		require.Equal(t, Library{library, given.source, openRuntime(t).Library().Version}, found)

		found, err = given.find(filepath.Dir(library))
		if runtime.GOOS == "linux" {
			require.NoError(t, err)
			require.Equal(t, library, found.Path)
		}
		for _, c := range []struct{ path, want string }{
			{text + ".absent", "no such file or directory"},
			{text, "the file is no shared library"},
			{empty, "the file is empty or nearly so, where a shared library is expected"},
			{filepath.Dir(text), "in the folder"},
			{self, ""},
		} {
			_, err := given.find(c.path)
			require.ErrorContains(t, err, given.source+" "+c.path+": ")
			require.ErrorContains(t, err, c.want)
		}
	}
}

func TestFindNamesTheVersionOfAnOldLibrary(t *testing.T) {
	old := oldCopy(t, filepath.Join(t.TempDir(), "libonnxruntime.so.1.20.1"))
	want := old + " is ONNX Runtime 1.20.1; Odeon needs 1.24 or newer: `odeon runtime install` gets 1.27.0"
	_, err := Find(old)
	require.EqualError(t, err, want)
	_, err = Find(filepath.Dir(old))
	require.ErrorContains(t, err, want)
}

func TestFindLooksInTheRightOrder(t *testing.T) {
	real := realLibrary(t)
	if runtime.GOOS != "linux" {
		t.Skip("arranges folders in Linux's way")
	}
	nowhere(t)
	_, err := Find("")
	var missing *NotFoundError
	require.ErrorAs(t, err, &missing)
	require.EqualError(t, err, "no ONNX Runtime found: none in Odeon's cache; none in the dynamic loader's folders; no python3 on PATH that could have an onnxruntime package. "+
		"`odeon runtime install` gets 1.27.0, or set ONNXRUNTIME_SHARED_LIBRARY_PATH to a library of 1.24 or newer")

	// From the last place to the first, each found before those that are there already.
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	wheel := filepath.Dir(linked(t, "onnxruntime/capi/libonnxruntime.so.1.99.0"))
	script := fmt.Sprintf("#!/bin/sh\necho '%s'\n", filepath.Dir(wheel))
	require.NoError(t, os.WriteFile(filepath.Join(bin, "python3"), []byte(script), 0o755))
	library, err := Find("")
	require.NoError(t, err)
	require.Equal(t, filepath.Join(wheel, "libonnxruntime.so.1.99.0"), library.Path)
	require.Equal(t, "the onnxruntime package of "+filepath.Join(bin, "python3"), library.Source)

	inLoader := linked(t, "libonnxruntime.so.1")
	t.Setenv("LD_LIBRARY_PATH", "/absent:"+filepath.Dir(inLoader))
	library, err = Find("")
	require.NoError(t, err)
	require.Equal(t, inLoader, library.Path)

	root, err := cacheRoot()
	require.NoError(t, err)
	for _, gpu := range []bool{false, true} {
		folder := thisTarget(gpu).folder(root)
		require.NoError(t, os.MkdirAll(folder, 0o755))
		require.NoError(t, os.Symlink(real, filepath.Join(folder, soName)))
		info, err := os.Stat(real)
		require.NoError(t, err)
		in := installer{create: createFile}
		require.NoError(t, in.writeManifest(filepath.Join(folder, manifestName), manifest{installVersion, "pip", nil, []installedFile{{soName, info.Size(), ""}}}))
		library, err = Find("")
		require.NoError(t, err)
		require.Equal(t, Library{filepath.Join(folder, soName), "Odeon's cache (pip)", installVersion}, library)
	}

	t.Setenv(LibraryVariable, inLoader)
	library, err = Find("")
	require.NoError(t, err)
	require.Equal(t, inLoader, library.Path)
	library, err = Find(wheel)
	require.NoError(t, err)
	require.Equal(t, "--runtime", library.Source)
}

func TestFindPassesOverOldLibrariesThatNobodyNamed(t *testing.T) {
	old := oldCopy(t, filepath.Join(t.TempDir(), "libonnxruntime.so"))
	nowhere(t)
	t.Setenv("LD_LIBRARY_PATH", filepath.Dir(old))
	_, err := Find("")
	require.ErrorContains(t, err, old+" is ONNX Runtime 1.20.1, too old")
}

func TestOfSeveralVersionsInAFolderTheNewestIsTaken(t *testing.T) {
	folder := t.TempDir()
	oldCopy(t, filepath.Join(folder, "libonnxruntime.so.1.20.1"))
	require.NoError(t, os.Symlink(realLibrary(t), filepath.Join(folder, "libonnxruntime.so.1.27.0")))
	require.NoError(t, os.Symlink("libonnxruntime.so.1.20.1", filepath.Join(folder, "libonnxruntime.so")))
	library, err := Find(folder)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(folder, "libonnxruntime.so.1.27.0"), library.Path)
}

func TestVersionsCompareByNumber(t *testing.T) {
	for version, old := range map[string]bool{"1.9.0": true, "1.23.2": true, "1.24.0": false, "1.27": false, "2.0.0": false, "0.30.0": true, "": false, "dev": false, "1.x": false} {
		require.Equal(t, old, tooOld(version), version)
	}
	require.True(t, newer("1.24.1", "1.9.0"))
	require.True(t, newer("1.27.1", "1.27.0"))
	require.False(t, newer("1.24", "2.0"))
}

func TestOpenGivesTheSameRuntimeAgainAndNoOther(t *testing.T) {
	r := openRuntime(t)
	again, err := Open(Library{Path: linked(t, "libonnxruntime.so")})
	require.NoError(t, err)
	require.Same(t, r, again)
	_, err = Open(Library{Path: oldCopy(t, filepath.Join(t.TempDir(), "other.so"))})
	require.ErrorContains(t, err, "this process runs ONNX Runtime from "+r.Library().Path+" and cannot change to ")
}

// foreignLibraries are libraries with an OrtGetApiBase, made by the C compiler, that do not tell in their file what is wrong.
var foreignLibraries = map[string]struct{ code, want string }{
	"too old": {`
		static const void *api(unsigned version) { return 0; }
		static const char *version(void) { return "1.19.2"; }
		static struct { const void *(*api)(unsigned); const char *(*version)(void); } base = { api, version };
		void *OrtGetApiBase(void) { return &base; }`,
		" is ONNX Runtime 1.19.2; Odeon needs 1.24 or newer"},
	"needs what is not there": {`
		extern int absent_function(void);
		void *OrtGetApiBase(void) { return absent_function() ? 0 : 0; }`,
		"cannot be loaded: "},
	"something else": {"int main_window(void) { return 0; }", "the library is not ONNX Runtime: it has no OrtGetApiBase"},
}

// A process opens one runtime, so each of these is opened by a process of its own: this test's program, started again.
func TestOpenRefusesWhatIsNoRuntimeOrTooOld(t *testing.T) {
	const variable = "ODEON_TEST_OPEN"
	if path := os.Getenv(variable); path != "" {
		_, err := Open(Library{Path: path})
		fmt.Println(err)
		return
	}
	cc, err := exec.LookPath("cc")
	if err != nil || runtime.GOOS != "linux" {
		t.Skip("makes libraries with a C compiler on Linux")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	for name, c := range foreignLibraries {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "libonnxruntime.so")
			compile := exec.Command(cc, "-shared", "-fPIC", "-x", "c", "-", "-o", path)
			compile.Stdin = strings.NewReader(c.code)
			out, err := compile.CombinedOutput()
			require.NoError(t, err, string(out))
			command := exec.Command(self, "-test.run", "^TestOpenRefusesWhatIsNoRuntimeOrTooOld$")
			command.Env = append(os.Environ(), variable+"="+path)
			out, err = command.CombinedOutput()
			require.NoError(t, err, string(out))
			require.Contains(t, string(out), path)
			require.Contains(t, string(out), c.want)
		})
	}
}

func TestLoaderFoldersFollowTheConfiguration(t *testing.T) {
	folder := t.TempDir()
	conf := filepath.Join(folder, "ld.so.conf")
	require.NoError(t, os.WriteFile(conf, []byte("# a comment\n/first  # another\ninclude conf.d/*.conf\ninclude "+conf+"\n\n/last\n"), 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(folder, "conf.d"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "conf.d", "a.conf"), []byte("/inner\n"), 0o644))
	folders := configuredFolders(conf, 7)
	require.Equal(t, []string{"/first", "/inner", "/first", "/last", "/last"}, folders)
	require.Empty(t, configuredFolders(filepath.Join(folder, "absent"), 0))
}

func BenchmarkFindNamed(b *testing.B) {
	path := openRuntime(b).Library().Path
	for b.Loop() {
		if _, err := Find(path); err != nil {
			b.Fatal(err)
		}
	}
}
