package onnx

// OnDevice tells whether a session with this provider would compute on an accelerator, which one caller at a time keeps
// busy, and not on the CPU's cores. An unknown name is left to [Runtime.NewSession] to refuse.
func (r *Runtime) OnDevice(provider string) bool {
	choices, err := r.choose(provider)
	return err == nil && len(choices) > 0 && choices[0].name != "cpu"
}
