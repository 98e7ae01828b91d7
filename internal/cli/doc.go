// Package cli is Odeon's command line: a thin skin over the library, one file a command.
//
// A command flows from top to bottom: its words become values ([values]), the values and the card become a
// network ([modelFlags]) and a walk ([walkFlags]), the walk becomes a plan, the plan runs, the samples
// become files. sample.go shows the whole of it.
//
// What a person reads on failure is one message: what was found, what was expected, what mends it. Exit codes: 0
// done; 2 the command line alone is wrong ([usageError]); 130 interrupted; 1 anything else.
package cli
