// Package render turns samples into what people look at and keep: pictures, plots, animations, sound, text and arrays.
//
// A sampler gives float32 numbers in the model's own range; [Samples] says what they mean. [NewSink] chooses the writer by
// the file's extension and refuses, before any work is done, a file that cannot show such samples. Then
//
//	for each chunk, in order:  sink.Write(first, x)
//	where sink.Shown() > 0:    sink.Record(frame, first, x)   // states on the way, chosen by FrameSteps
//	at the end:                render.CloseAll(sinks...)      // every file appears, or none
//	when the run fails:        sink.Abort()
//
// What a file needs no more of is not kept: a grid holds the pixels of the samples it shows, arrays and tables stream.
//
//	samples.go                     layouts and what they mean
//	sink.go names.go               the table of formats; order, counts, commit; one file a sample
//	pixels.go grid.go contact.go   numbers to pixels, pictures side by side, frames in a row
//	points.go scatter.go density.go signal.go figure.go   plots
//	page.go                        text as a picture
//	animation.go quantize.go       GIF and APNG, the choice of frames and colours
//	png.go svg.go wav.go text.go arrays.go                one file format each
//	preview.go                     pictures in a terminal
//	loss.go strip.go               how training went: losses, and samples over its course
package render
