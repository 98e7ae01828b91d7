package nn

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNetworksSuitTheirData(t *testing.T) {
	for _, c := range []struct {
		data Data
		want string
	}{
		{Data{Shape: []int{2}}, "mlp(width=256, depth=4, time=256, block=residual)"},
		{Data{Shape: []int{784}}, "mlp(width=1024, depth=4, time=256, block=residual)"},
		{Data{Shape: []int{10, 2}, Layout: "points"}, "mlp(width=256, depth=4, time=256, block=residual)"},
		{Data{Shape: []int{500, 3}, Layout: "points"}, "dit(patch=1, width=128, depth=6, heads=4, mlp=4, positions=learned)"},
		{Data{Shape: []int{1, 28, 28}, Classes: 10}, "unet(channels=32, mult=1:2:4, blocks=1:1:2, attention=7, heads=4, groups=8, time=128, kernel=3, stride=2, patch=1)"},
		{Data{Shape: []int{64, 64, 3}, Layout: "HWC"}, "unet(channels=64, mult=1:2:4, blocks=1:1:2, attention=16, heads=4, groups=8, time=256, kernel=3, stride=2, patch=1)"},
		{Data{Shape: []int{3, 256, 256}}, "unet(channels=64, mult=1:2:4, blocks=1:1:2, attention=16, heads=4, groups=8, time=256, kernel=3, stride=2, patch=4)"},
		{Data{Shape: []int{4, 8, 8}}, "unet(channels=64, mult=1:2, blocks=1:2, attention=4, heads=4, groups=8, time=256, kernel=3, stride=2, patch=1)"},
		{Data{Shape: []int{128, 64}}, "dit(patch=1, width=128, depth=6, heads=4, mlp=4, positions=learned)"},
		{Data{Shape: []int{512}, Layout: "L"}, "dit(patch=2, width=128, depth=6, heads=4, mlp=4, positions=learned)"},
		{Data{Shape: []int{1, 16384}, Layout: "CL"}, "unet(channels=32, mult=1:2:4:4, blocks=1:1:1:2, attention=256, heads=4, groups=8, time=128, kernel=5, stride=4, patch=1)"},
		{Data{Shape: []int{16, 3, 32, 32}, Layout: "TCHW"}, "unet(channels=32, mult=1:2:4, blocks=1:1:2, attention=8, heads=4, groups=8, time=128, kernel=3, stride=2, patch=1)"},
	} {
		net := parse(t, "", c.data)
		require.Equal(t, c.want, net.String())
	}
}

func TestWhatIsGivenSettlesTheRest(t *testing.T) {
	d := Data{Shape: []int{1, 28, 28}}
	for text, want := range map[string]string{
		"unet(mult=1:2)":                     "unet(channels=32, mult=1:2, blocks=1:2, attention=14, heads=4, groups=8, time=128, kernel=3, stride=2, patch=1)",
		"unet(channels=20, mult=2)":          "unet(channels=20, mult=2, blocks=2, attention=28, heads=4, groups=4, time=80, kernel=3, stride=2, patch=1)",
		"unet(mult=1:2:2:2, heads=8)":        "unet(channels=32, mult=1:2:2:2, blocks=1:1:1:2, attention=4, heads=8, groups=8, time=128, kernel=3, stride=2, patch=1)",
		"unet ( attention = none ,kernel=5)": "unet(channels=32, mult=1:2:4, blocks=1:1:2, attention=none, heads=4, groups=8, time=128, kernel=5, stride=2, patch=1)",
		"mlp(width=33, time=none)":           "mlp(width=33, depth=4, time=none, block=residual)",
		"mlp(width=33)":                      "mlp(width=33, depth=4, time=32, block=residual)",
		"dit(width=192)":                     "dit(patch=2, width=192, depth=6, heads=6, mlp=4, positions=learned)",
		"dit(width=36, patch=7)":             "dit(patch=7, width=36, depth=6, heads=4, mlp=4, positions=learned)",
	} {
		require.Equal(t, want, parse(t, text, d).String())
	}
}

func TestMistakesNameWhatWouldDo(t *testing.T) {
	digits := Data{Shape: []int{1, 28, 28}}
	for _, c := range []struct {
		text string
		data Data
		want string
	}{
		{"unt", digits, `unknown network "unt" (did you mean "unet"?); networks, with the sizes for this data, are: mlp(width=1024, depth=4,`},
		{"resnet(a=1)", digits, `unknown network "resnet"; networks`},
		{"unet(chanels=3)", digits, `unet: unknown parameter "chanels" (did you mean "channels"?); it has, with the values for this data: unet(channels=32, mult=1:2:4, blocks`},
		{"unet(channels=64", digits, `network "unet(channels=64": expected a closing bracket at the end`},
		{"unet(64)", digits, `network "unet(64)": found "64", expected name=value, as in unet(channels=64, mult=1:2:4)`},
		{"unet(mult=1, mult=2)", digits, `mult is given twice`},
		{"(width=3)", digits, `unknown network ""`},
		{"unet(channels=0)", digits, `unet: channels: found "0", expected a whole number from 1 to 4096`},
		{"unet(mult=1:x)", digits, `unet: mult: found "x", expected a whole number from 1 to 64`},
		{"unet(mult=none)", digits, `unet: mult=none: expected a number for each level, as in mult=1:2:4`},
		{"unet(mult=1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1)", digits, `unet: mult has more than 16 numbers`},
		{"unet(blocks=1:2)", digits, `unet: blocks has 2 numbers, mult has 3`},
		{"unet(channels=33)", digits, `unet: channels=33: they are the width of the time embedding too, so they must be even: channels=34 would do`},
		{"unet(channels=30, groups=8)", digits, `unet: channels=30 does not divide into groups=8; groups=2 or channels=32 would do`},
		{"unet(attention=16)", digits, `unet: attention=16, but the longest sides of its levels are 28, 14, 7`},
		{"unet(heads=3)", digits, `unet: heads=3 does not divide the 128 channels of level 2; heads=1 would`},
		{"unet(kernel=4)", digits, `kernel=5 would do`},
		{"unet(patch=3)", digits, `unet: patch=3 does not divide pictures of 28x28; 1, 2, 4, 7, 14, 28 would`},
		{"dit(patch=5)", digits, `dit: patch=5 does not divide pictures of 28x28; 1, 2, 4, 7, 14, 28 would`},
		{"dit(heads=5)", digits, `dit: width=128 does not divide by heads=5; heads=1 or width=130 would do`},
		{"dit(width=6, positions=sincos)", digits, `dit: width=6 must be a multiple of 4, for sines and cosines; width=8 would do`},
		{"dit(positions=fixed)", digits, `dit: positions: found "fixed", expected learned or sincos`},
		{"mlp(time=none, depth=none)", digits, `mlp: depth: found "none", expected a whole number from 1 to 1000`},
		{"mlp(time=7)", digits, `time=8 would do`},
		{"mlp(time=x)", digits, `mlp: time: found "x", expected a whole number from 1 to 65536, or none`},
		{"unet", Data{Shape: []int{2}}, `unet: points have no neighbours to convolve with; mlp takes them`},
		{"dit", Data{Shape: []int{2}}, `dit: points are one token each; mlp takes them`},
		{"", Data{Shape: []int{2, 0}}, `samples of shape [2 0]: every size must be positive`},
		{"", Data{Shape: []int{1 << 20, 1 << 20}}, `every size must be positive, and their product at most`},
		{"", Data{}, `samples of shape []: samples have one to four axes`},
		{"", Data{Shape: []int{3}, Layout: "CHW"}, `samples of shape [3]: the layout CHW has 3 axes`},
		{"", Data{Shape: []int{3, 3, 3}, Layout: "WHC"}, `samples of shape [3 3 3]: unknown layout "WHC"; of 3 axes are CHW, HWC`},
		{"", Data{Shape: []int{3}, Classes: -1}, `-1 classes: expected 0 to`},
		{"", Data{Shape: []int{3}, Predictions: 100}, `100 predictions: expected 1 to`},
	} {
		_, err := ParseNet(c.text, c.data)
		require.ErrorContains(t, err, c.want, c.text)
	}
}

func TestFieldsAreCheckedAsTextsAre(t *testing.T) {
	d := Data{Shape: []int{1, 28, 28}}
	require.NoError(t, (&UNet{Data: d, Channels: 16}).Check())
	require.ErrorContains(t, (&UNet{Data: d, Channels: -16}).Check(), `unet: channels: found "-16"`)
	require.ErrorContains(t, (&UNet{Data: d, Stride: -1, Patch: -2}).Check(), `unet: stride: found "none", expected a whole number from 2 to 16`)
	require.ErrorContains(t, (&DiT{Data: d, Patch: None}).Check(), `dit: patch: found "none"`)
	require.ErrorContains(t, (&MLP{Data: d, Block: "x"}).Check(), `mlp: block: found "x"`)
	require.ErrorContains(t, (&MLP{}).Check(), "samples have one to four axes")
}

// Whatever is read is written so that it is read again as the same network, and adds itself to a graph without a panic.
func FuzzParseNet(f *testing.F) {
	for _, s := range []string{"", "unet", "mlp(width=256, depth=5)", "unet(channels=64, mult=1:2:4, attention=16, heads=4)", "dit(patch=4,positions=sincos)",
		"unet(attention=none)", "mlp(time=none)", "unet(mult=", "dit()", "(", "unet(patch=2, stride=3, kernel=1)"} {
		f.Add(s, uint8(13))
		f.Add(s, uint8(len(s)))
	}
	f.Fuzz(func(t *testing.T, text string, which uint8) {
		d := samples[int(which)%len(samples)]
		net, err := ParseNet(text, d)
		if err != nil {
			return
		}
		again, err := ParseNet(net.String(), d)
		require.NoError(t, err)
		require.Equal(t, net, again)
		if u, ok := net.(*UNet); ok && (len(u.Mult) > 4 || u.Blocks[0] > 4) {
			return
		}
		build(t, net, d)
	})
}
