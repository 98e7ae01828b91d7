// Package fit makes plans for one network: where it is called, and with which coefficients a row makes the next state, are fitted
// to a fine walk of that network on some samples.
//
// Every solver of few calls is a table (package sampler): row k makes
//
//	x_{k+1} = A_k x_k + sum_j B_kj f_{k-j},   j = 0 ... k,
//
// with f the data prediction. A solver of the literature takes A and B from an expansion that is right for every smooth field; here
// they are those that are best for this field, and so are the times t_k. What f is does not matter as long as a row reads all of
// them: state, data, noise and velocity at one time are linear in any two of them, and x_k is linear in x_0 and the f before it.
//
// The way through the package is the way of [Fit]:
//
//	nodes.go    the times of a fine walk, of which a plan of few calls takes some
//	fine.go     that walk, and its states: what the plan is to reach (the teacher)
//	student.go  the walk of few calls in float64, whose rows are fitted in order, each by linear least squares on the states
//	            that the walk really comes to, so that a row mends the errors of those before it
//	search.go   times: the best of the known grids, then one time moved after the other
//	refine.go   times and coefficients together, by Gauss and Newton's method on the error at the end
//	compare.go  the errors on samples that were not fitted, and those of solvers with as many calls
//
// A plan is shared by all elements of all samples, so that some thousand numbers determine its fifty coefficients, and the network
// is never differentiated: it is a [sampler.Network], of whatever kind, guidance and clipping included.
//
// Plans that are fitted to fine walks: Watson, Ho, Norouzi and Chan 2021 (https://arxiv.org/abs/2106.03802, times by dynamic
// programming), Shaul et al. 2023 (https://arxiv.org/abs/2310.19075, bespoke solvers), Sabour, Fidler and Kreis 2024
// (https://arxiv.org/abs/2404.14507, align your steps), Frankel et al. 2025 (https://arxiv.org/abs/2502.17423, S4S: coefficients and
// times by gradients through the network).
package fit
