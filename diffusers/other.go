package diffusers

// otherClasses are those that are not supported, and why.
func otherClasses() []class {
	const tokens = "it samples tokens, and Odeon walks from noise to data"
	return []class{
		{name: "Amused", why: tokens},
		{name: "BlockRefinement", why: tokens},
		{name: "DiscreteDDIM", why: tokens},
		{name: "EntropyBound", why: tokens},
		{name: "VQDiffusion", why: tokens},
		{name: "ConsistencyDecoder", why: "it is a part of a decoder, and a decoder is one network here"},
		{name: "DDPMWuerstchen", why: "it belongs to pipelines whose networks feed one another"},
		{name: "Helios", why: "its states change their size on the way"},
		{name: "HeliosDMD", why: "its states change their size on the way"},
		{name: "MiniMaxH3", why: "it is newer than diffusers 0.38, whose classes are known here"},
		{name: "FlowMapEulerDiscrete", why: "its network is fed two times at once"},
	}
}
