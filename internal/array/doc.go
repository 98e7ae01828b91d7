// Package array reads and writes NumPy's array files, .npy and .npz.
//
// [Read] takes either kind and gives an [Array], whose numbers are had as float32 or int64 whatever type the file holds.
// [Rows] reads single rows of an array that may be larger than the memory; [Bytes] is a file in memory for it.
// [NPYWriter] writes a float32 array row by row while it is being computed; [NPZWriter] collects several named arrays.
//
// Files are not trusted: a header's claims are compared with the size of the file before memory is taken for them, and
// every defect is one error that names the file, what was found and what was expected. That, big-endian and Fortran-ordered
// data and float16 are why the reader is our own and not github.com/sbinet/npyio.
//
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1 to 3.
package array
