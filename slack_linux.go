package main

// While a network call runs, Go's monitor thread looks every 20 microseconds whether it should take the caller's processor away. On
// a machine whose cores are all busy inside ONNX Runtime each look interrupts one of them: 3,000 times in half a second, 6 % of
// mnist-geometric and 10 % of mnist-vit on two cores. The timer slack of a thread, which it hands down to those it starts, lets the
// kernel put such looks together. It has to be set before Go starts its threads, hence the C constructor (prctl(2), PR_SET_TIMERSLACK).

/*
#include <sys/prctl.h>

__attribute__((constructor)) static void slacken(void) {
	prctl(PR_SET_TIMERSLACK, 1000000UL, 0UL, 0UL, 0UL); // nanoseconds
}
*/
import "C"
