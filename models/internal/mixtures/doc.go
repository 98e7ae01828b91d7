// Package mixtures makes the embedded models that are not trained: networks whose distribution is known exactly.
//
// The data are a mixture of narrow Gaussians, one around each point of a set, all with the same weight and the standard
// deviation s = [Std]. On the straight path x = alpha z + beta eps, alpha = t, beta = 1-t, component i makes x normal around
// alpha z_i with variance v = beta^2 + alpha^2 s^2 an element, so that
//
//	r_i      = softmax_i(-|x - alpha z_i|^2 / (2v))          which component x comes from
//	m        = sum_i r_i z_i
//	E[z|x]   = m + alpha s^2/v (x - alpha m)
//	E[eps|x] = beta/v (x - alpha m)
//	u        = alpha' E[z|x] + beta' E[eps|x] = m + (alpha s^2 - beta)/v (x - alpha m)
//
// Since s > 0, v > 0 and the velocity u is finite on all of 0 <= t <= 1, and smooth enough for SDEs near the end.
//
// points.go and glyphs.go have the sets, graph.go writes u as an ONNX graph, card.go says what it means, and
// generate writes the files that package models embeds.
package mixtures
