// Package nn holds neural networks: layers that add to a graph what their formula says, three families of networks made of
// them, and the numbers that they start from.
//
//   - A [Builder] (builder.go) is a graph whose parameters know how they are initialised. Layers are its methods, in one file
//     an idea: linear.go, conv.go, norm.go, activation.go, embedding.go, attention.go, patches.go, modulation.go.
//   - A [Net] (net.go) makes of a noisy state, the time and the label what is predicted. [Data] (data.go) says of what shape all
//     are.
//   - The families are [MLP] for points, [UNet] for pictures, audio and video, and [DiT] for these, sequences and clouds of points.
//     choose.go has the sizes that suit the data, sizes.go their arithmetic, and [ParseNet] (parse.go) reads a network from a text: "unet(channels=64, mult=1:2:4)".
//   - [Initialize] (init.go) draws the parameters. They are a function of the seed alone, on every machine.
//
// # Conventions
//
// The first axis of every value is the batch. Layers that move along axes in space (Conv, GroupNorm, Upsample, Patches) want
// channels first, [batch, channels, space...], with one to three axes of space; layers that act on features (Linear, LayerNorm,
// Attention) want them last, [batch, tokens, features]. A layer's first argument is its name: its parameters are named after it,
// as in "down.0.conv1.weight", and no two may share a name. Biases and normalizations are as PyTorch's; the weight of a
// Linear is [in, out], which is PyTorch's transposed.
//
// A network that does not fit its data is an error of [ParseNet] and of each family's Check. Layers given shapes that do not fit
// each other panic, as the graph does.
package nn
