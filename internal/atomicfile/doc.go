// Package atomicfile writes files that appear under their name only when they are complete.
//
// [Create] opens a temporary file in the folder of the target, [File.Commit] gives it the target's name in one rename, and
// [File.Abort] removes it. Until Commit an older file of that name stays as it was, and after Abort nothing is left behind.
//
//	f, err := atomicfile.Create("grid.png")
//	if err != nil {
//		return err
//	}
//	defer f.Abort() // does nothing after Commit
//	... write to f ...
//	return f.Commit()
//
// [Write] is these lines around a function that writes. [RemoveLeftovers] clears away what processes that were killed left.
//
// A target that exists and is not a regular file (a named pipe, /dev/null) cannot be renamed over: it is written to directly.
// A symbolic link stays a link, and the file that it points to is replaced. The promise holds when the process dies; it
// does not cover a loss of power, since nothing is flushed to the disk by force.
package atomicfile
