package atomicfile

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// names lists a folder.
func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	list := []string{}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func write(t *testing.T, f *File, text string) {
	t.Helper()
	_, err := io.WriteString(f, text)
	require.NoError(t, err)
}

func TestAFileAppearsOnlyOnCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.png")
	f, err := Create(path)
	require.NoError(t, err)
	write(t, f, "new")
	require.NoFileExists(t, path)
	require.NoError(t, f.Finish())
	require.NoFileExists(t, path)
	require.NoError(t, f.Commit())
	f.Abort() // nothing any more
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "new", string(data))
	require.Equal(t, []string{"x.png"}, names(t, filepath.Dir(path)))
}

func TestAbortLeavesTheOlderFileAndNothingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.png")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o640))
	for _, finish := range []bool{false, true} {
		f, err := Create(path)
		require.NoError(t, err)
		write(t, f, "new")
		if finish {
			require.NoError(t, f.Finish())
		}
		f.Abort()
		f.Abort()
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, "old", string(data))
		require.Equal(t, []string{"x.png"}, names(t, filepath.Dir(path)))
	}
}

func TestReplacingKeepsThePermissions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.png")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o640))
	f, err := Create(path)
	require.NoError(t, err)
	write(t, f, "new")
	require.NoError(t, f.Commit())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.EqualValues(t, 0o640, info.Mode().Perm())
	require.EqualValues(t, 3, info.Size())
}

func TestTwoWritersOfOneNameDoNotMeet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.png")
	a, err := Create(path)
	require.NoError(t, err)
	b, err := Create(path)
	require.NoError(t, err)
	write(t, a, "first")
	write(t, b, "second")
	require.NoError(t, a.Commit())
	require.NoError(t, b.Commit())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "second", string(data))
	require.Equal(t, []string{"x.png"}, names(t, filepath.Dir(path)))
}

func TestASymbolicLinkStaysALink(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, "real"), 0o777))
	link := filepath.Join(folder, "link.png")
	require.NoError(t, os.Symlink(filepath.Join("real", "x.png"), link)) // to a file that does not exist yet
	for _, text := range []string{"one", "two"} {
		f, err := Create(link)
		require.NoError(t, err)
		write(t, f, text)
		require.NoError(t, f.Commit())
		data, err := os.ReadFile(filepath.Join(folder, "real", "x.png"))
		require.NoError(t, err)
		require.Equal(t, text, string(data))
		_, err = os.Readlink(link)
		require.NoError(t, err)
	}
	circle := filepath.Join(folder, "circle")
	require.NoError(t, os.Symlink("circle", circle))
	_, err := Create(circle)
	require.EqualError(t, err, circle+": symbolic links lead in a circle")
}

func TestWhatCannotBeWrittenIsKnownAtOnce(t *testing.T) {
	folder := t.TempDir()
	missing := filepath.Join(folder, "none", "x.png")
	_, err := Create(missing)
	require.ErrorContains(t, err, missing+": the folder "+filepath.Join(folder, "none")+" does not exist")
	_, err = Create(folder)
	require.ErrorContains(t, err, folder+": is a folder")
	_, err = Create("")
	require.ErrorContains(t, err, "expected the name of a file")
	file := filepath.Join(folder, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	_, err = Create(filepath.Join(file, "x.png"))
	require.ErrorContains(t, err, file+" is not a folder")

	if os.Getuid() == 0 {
		t.Log("the superuser may write everywhere: permissions are not tried")
		return
	}
	require.NoError(t, os.Chmod(file, 0o444))
	_, err = Create(file)
	require.ErrorContains(t, err, file+": may not be written")
	require.NoError(t, os.Chmod(folder, 0o555))
	_, err = Create(filepath.Join(folder, "new"))
	require.ErrorContains(t, err, "may not be written")
}

func TestLongNamesFit(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("ä", 125)+".png") // 254 bytes
	f, err := Create(path)
	require.NoError(t, err)
	require.NoError(t, f.Commit())
	require.FileExists(t, path)
}
