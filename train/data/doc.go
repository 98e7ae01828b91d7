// Package data is what networks are trained on.
//
// A [Set] is samples by number. [Open] makes one of a word: the name of a built-in point set, or a path.
//
//	set, err := data.Open("digits.idx3.gz", data.Options{Labels: "digits.idx1.gz"})
//	train, held, err := data.Split(set, 0.1, seed)          // held-out samples
//	order := data.NewOrder(train.Len(), seed)               // which sample comes when
//	order.Indices(indices, step*batch)                      // the batch of any step, with nothing remembered
//	err = train.Read(x, labels, indices)                    // x is [batch, dim]
//
// Everything is a function of numbers: sample i of a set, the sample at position k of an order. A run that was stopped goes on
// with the same samples, and a batch is the same whoever reads it, in whatever order and on however many goroutines.
//
// set.go has the [Set], open.go finds out what lies under a path. points.go has the built-in sets, which are endless. rows.go reads
// arrays (.npy, .npz, IDX, whose header is in idx.go), csv.go tables, text.go windows of characters; folder.go lists what lies in
// a folder, of which pictures.go and picture.go make pictures, audio.go and wav.go recordings cut in windows. labels.go reads
// classes. What can be large stays in its file and is read sample by sample, and never through mapped memory, so that a file that
// is shortened under the reader gives an error. Arrays, tables and texts are one file, which stays open (file.go); of a folder, a
// picture is read whole and a recording window by window, each opened when it is asked for.
//
// order.go puts samples in an order, split.go holds some out, stats.go measures them.
//
// Pictures and sound come out in [-1, 1], and their [Set.Range] says so. Points and arrays come out as they are; [Measure] has
// the means and deviations with which a network may normalise them.
//
// Files are not trusted: no memory is taken for what a header claims before the size of the file bears it out, and every
// defect is one error that names the file, what was found, what was expected and what mends it.
package data
