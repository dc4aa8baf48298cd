# ---
# jupyter:
#   convnets:
#     minutes: 90
#     budget_seconds: 40
#     needs: [01_images_and_filters]
#     summary: What goes into a convolution layer, what comes out, what it costs and what it sees
# ---

# %% [markdown]
# # Convolution arithmetic
#
# **When you have worked through this chapter, you can**
#
# - compute one value of a convolution layer by hand, and say what a depth slice and a depth column are;
# - predict the output size for any kernel, stride, padding and dilation;
# - count the parameters, the multiply-adds and the memory of a layer;
# - say which pixels an output value can see, in one layer and in a stack, and check it by measurement;
# - explain 1×1, grouped, depthwise, separable, transposed, 1-D and 3-D convolutions as small changes to one idea.
#
# **Time:** about 90 minutes. **Needs:** chapter 01, Images and filters.
#
# You need only counting, multiplying and a little care. Before most cells there is a question: answer it first, then run the
# cell. A wrong guess is worth more than no guess.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from convnets import data, plots
from convnets.arithmetic import layer_table
from convnets.train import seed_everything
from convnets.widgets import architecture_table, arithmetic_explorer, convolution_stepper, predict, question

seed_everything(0)

# %% [markdown]
# ## Before you run anything
#
# Ten filters of 5×5 slide over one small colour image of 32×32 pixels. A frame of zeros, two pixels wide, lets them reach
# the border too.

# %%
question(
    "How many multiplications does this take?",
    {
        "760": "That is how many numbers the layer <em>learns</em>. Each of its weights is used again at every position.",
        "10,240": "That is how many numbers come <em>out</em>: 10 maps of 32×32. Each of them costs 75 multiplications.",
        "256,000": "That would be right for a grey image. A filter here spans all three colours: 3·5·5 = 75 products, not 25.",
        "768,000": "Yes: 10 maps of 32×32 values, and 3·5·5 = 75 products for each. Soon you will measure it.",
    },
    answer="768,000",
)

# %% [markdown]
# ## One number at a time
#
# Here is a star, cut out of a photo. A colour image has three **channels**: red, green and blue. We store it as an array of shape C×H×W: channels, height, width.

# %%
portrait = data.photo(100)
star = portrait[10:20, 6:16].transpose(2, 0, 1).round(1)
fig = plots.image_grid([portrait, star, *star], titles=["the photo", "a star: 10×10", "its red", "its green", "its blue"], columns=5)
plots.show(fig, alt="A portrait of Grace Hopper in front of a flag. Beside it a white star on blue from that flag, 10×10 pixels, and its three channels in grey. The star is bright in all three, the blue cloth only in the third.")

# %% [markdown]
# A filter has the *same number of channels* as the image. It is 3 deep here. It slides over the height and the width, but
# **not** over the depth: it always covers the full depth. At each position it gives **one number**:
#
# 1. cut out the window that lies under the filter;
# 2. multiply each of its values by the filter's weight at the same place;
# 3. add up all products, over all channels, and add the **bias**.
#
# Drag the orange window, or click it and use the arrow keys. Space plays. Look at the three channels, and at the one sum.

# %%
edge = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
vertical_edges = np.stack([edge, edge, edge])
print(f"image {star.shape}, filter {vertical_edges.shape}")
convolution_stepper(star, vertical_edges, bias=0.5)

# %%
question(
    "The image has 3 channels. The filter is 3×3×3. How many numbers does the filter give at one position?",
    {
        "One": "Yes. All 27 products are added up. This is why a filter gives a flat map, however deep the image is.",
        "Three, one for each channel": "The products of the three channels are added to each other as well: one number is left.",
        "Nine": "Nine is how many weights one channel of the filter has. All products end up in one sum.",
        "Twenty-seven": "There are 27 products, and then they are added up.",
    },
    answer="One",
)

# %% [markdown]
# All the numbers that one filter gives form a flat picture: its **activation map**. A layer has many filters. Each gives a map of its own.
#
# ## The same in formulas
#
# Let $x$ be the image, zero outside its border, and let $w$ hold $F$ filters and $b$ their biases. Stride $S$ is the step of the window, padding $P$
# the width of the frame of zeros. With dilation $D$ the weights read pixels that are $D$ apart. Then
#
# $$y_{f,i,j} \;=\; b_f \;+\; \sum_{c=0}^{C-1}\ \sum_{u=0}^{K-1}\ \sum_{v=0}^{K-1}\; w_{f,c,u,v}\;\; x_{c,\;\,iS+uD-P,\;\,jS+vD-P}$$
#
# Three sums, because the window has three sides: depth, height, width. As everywhere in deep learning the filter is not flipped.
#
# ## A dozen lines of NumPy
#
# The function below does what you did with the window. The two `range` objects list where windows start. Read the line that begins with `window` twice:
# it is the whole idea.


# %%
def convolve(x, w, b, stride=1, padding=0, dilation=1):
    """Slide F filters over one image: x (C, H, W), w (F, C, KH, KW), b (F,) give (F, H', W')."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    reach_h, reach_w = (dilation * (k - 1) + 1 for k in w.shape[2:])
    rows = range(0, x.shape[1] - reach_h + 1, stride)
    columns = range(0, x.shape[2] - reach_w + 1, stride)
    y = np.empty((len(w), len(rows), len(columns)), dtype=x.dtype)
    for i, top in enumerate(rows):
        for j, left in enumerate(columns):
            window = x[:, top : top + reach_h : dilation, left : left + reach_w : dilation]
            y[:, i, j] = (w * window).sum(axis=(1, 2, 3)) + b
    return y


def convolve_batch(x, w, b, **settings):
    """The same for a batch: x (N, C, H, W) gives (N, F, H', W')."""
    return np.stack([convolve(image, w, b, **settings) for image in x])


# %% [markdown]
# ## The same in PyTorch
#
# In PyTorch the layer is called `nn.Conv2d(in_channels, out_channels, kernel_size)`. Let us give ours the weights of a fresh `Conv2d` and compare.

# %%
layer = nn.Conv2d(in_channels=3, out_channels=6, kernel_size=5, stride=2, padding=1, dilation=2)
batch = torch.rand(2, 3, 32, 28)
theirs = layer(batch).detach().numpy()
ours = convolve_batch(batch.numpy(), layer.weight.detach().numpy(), layer.bias.detach().numpy(), stride=2, padding=1, dilation=2)
print(f"shapes {ours.shape} and {theirs.shape}, largest difference {np.abs(ours - theirs).max():.1e}")

# %% [markdown]
# The difference is rounding. **Your function is a convolution layer.**
#
# Now put it under the stepper. The stepper calls it with the picture on the left and checks each value. Change stride, padding and dilation: it should
# stay right for all of them.

# %%
convolution_stepper(star, vertical_edges, stride=2, padding=1, function=convolve_batch)

# %% [markdown]
# ### Find the mistake
#
# Below, one word is different. The shape is right, and most values are right. Step through the output until you see *where* the wrong values
# are. That tells you what is wrong. (Then try mistakes of your own.)


# %%
def convolve_wrong(x, w, b, stride=1, padding=0):
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)), mode="edge")
    return convolve_batch(x, w, b, stride=stride)


convolution_stepper(star, vertical_edges, padding=1, function=convolve_wrong)

# %%
question(
    "What does <code>convolve_wrong</code> do wrong?",
    {
        "It starts one pixel too late": "Then the values in the middle would be wrong as well. Look at where the wrong cells are.",
        "It forgets the third channel": "Then nearly every value would be wrong. Here only cells at the border are.",
        "It pads with copies of the border, not with zeros": "Yes. Only windows that touch the frame are wrong, so the frame is wrong. "
        "<code>mode=\"edge\"</code> repeats the border. That is a fair choice, but the layer was asked for zeros.",
        "It pads on one side only": "Then the whole output would be shifted. Here all the inner cells are right.",
    },
    answer="It pads with copies of the border, not with zeros",
)

# %% [markdown]
# ## A layer: many filters, one stack of maps
#
# Six filters give six maps. We stack them, and the stack is an image again: it has 6 channels instead of 3. So another layer can read it. Here are six filters
# that we made by hand, on a real photo. Each is a small pattern in space, times a mix of the three colours.

# %%
grey, red_blue = np.array([1, 1, 1]) / 3, np.array([1, 0, -1])
box, outline = np.full((3, 3), 1 / 9), np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]])
diagonal = np.array([[0, 1, 2], [-1, 0, 1], [-2, -1, 0]])
patterns = {
    "vertical edges": (grey, edge),
    "horizontal edges": (grey, edge.T),
    "diagonal edges": (grey, diagonal),
    "outline": (grey, outline),
    "blur": (grey, box),
    "red against blue": (red_blue, box),
}
w_hand = np.stack([np.einsum("c,uv->cuv", colour, kernel) for colour, kernel in patterns.values()])
photo = data.photo((120, 104)).transpose(2, 0, 1)
maps = convolve(photo, w_hand, np.zeros(6), padding=1)
print(f"image {photo.shape}, filters {w_hand.shape}, output {maps.shape}")

# %% [markdown]
# Two words help to talk about such a stack.
#
# - A **depth slice** is one channel: one filter at all positions. It is a picture.
# - A **depth column** is one position in all channels: all filters at one place. It is a short list of numbers that describes this place.

# %%
row, column = 37, 38
fig, axes = plt.subplots(2, 4, figsize=(8, 4.6))
axes[0, 0].imshow(photo.transpose(1, 2, 0))
axes[0, 0].set_title("the photo")
for ax, name, image in zip(axes.flat[1:7], patterns, maps, strict=True):
    limit = np.abs(image).max()
    ax.imshow(image, cmap=plots.SIGNED, vmin=-limit, vmax=limit)
    ax.set_title(name)
for ax in axes.flat[:7]:
    ax.plot(column, row, "s", markersize=9, markerfacecolor="none", markeredgecolor="black", markeredgewidth=1.8)
    ax.set_xticks([]), ax.set_yticks([])
bars = axes[1, 3]
bars.barh(list(patterns), maps[:, row, column])
bars.axvline(0, color="black", linewidth=0.8)
bars.invert_yaxis()
bars.yaxis.tick_right()
bars.set_title("depth column at □")
plots.show(
    fig,
    alt="The photo and its six activation maps: vertical, horizontal and diagonal edges, outline, blur, red against blue. "
    "A small square marks the same place, at the upper corner of the glasses, in all of them. A bar chart shows the six values at this place.",
)

# %% [markdown]
# Each map is a depth slice. The six values under the square are one depth column. In each map zero is white, positive is red, negative is blue. Your loop
# computed the output one depth column at a time: look at `y[:, i, j] = …`.
#
# ## Batches
#
# A network reads many images at once: a **batch**. Its shape is N×C×H×W. Convolution treats each image alone, so N goes through unchanged.

# %%
clothes = data.load_fashion_mnist()
chosen = [int(np.flatnonzero(clothes.test_labels == label)[0]) for label in (9, 8, 3)]
images = torch.from_numpy(clothes.test_images[chosen]).float().unsqueeze(1) / 255
w_grey = torch.tensor(np.stack([edge, edge.T, diagonal, outline]), dtype=torch.float32).unsqueeze(1)
out = F.conv2d(images, w_grey, padding=1)
print(f"batch {tuple(images.shape)}  ∗  filters {tuple(w_grey.shape)}  →  {tuple(out.shape)}")

# %%
fig, axes = plt.subplots(3, 5, figsize=(8, 5))
for n in range(3):
    axes[n, 0].imshow(images[n, 0], cmap="gray")
    axes[n, 0].set_ylabel(f"n = {n}\n{clothes.classes[clothes.test_labels[chosen[n]]]}")
    for c in range(4):
        axes[n, c + 1].imshow(out[n, c], cmap=plots.SIGNED, vmin=-4, vmax=4)
for ax, title in zip(axes[0], ["image", "vertical edges", "horizontal edges", "diagonal edges", "outline"], strict=True):
    ax.set_title(title)
for ax in axes.flat:
    ax.set_xticks([]), ax.set_yticks([])
plots.show(fig, alt="Three rows, one for each image of the batch: an ankle boot, a bag, a dress. In each row the image and its four activation maps.")

# %% [markdown]
# ## Layers on layers
#
# A stack of maps is an image, so layers can follow each other. Here is a stack of three layers from a well-known lecture [1]. Only the first knows that
# the image is 32×32 and has three colours. Every other one reads the channels of the layer before.

# %%
stack = nn.Sequential(nn.Conv2d(3, 6, 5), nn.Conv2d(6, 10, 3), nn.Conv2d(10, 12, 3))
table = layer_table(stack, (3, 32, 32))
table

# %%
fig = plots.shapes_diagram([(3, 32, 32)] + [row.output_shape for row in table if row.kind == "Conv2d"])
plots.show(fig, alt="Four boxes from left to right: 3×32×32, 6×28×28, 10×26×26, 12×24×24. They become lower and narrower, and deeper.")

# %% [markdown]
# On the slide that first shows this stack (number 23) the first layer has weights of 6×3×5×5 and a bias of **5** entries. Is this possible?

# %%
question(
    "A layer has 6 filters of 3×5×5. How many entries does its bias have?",
    {
        "3": "The three channels are added up inside each filter. The bias comes after this sum.",
        "5": "5 is the size of the kernel. The bias has nothing to do with it.",
        "6": "Yes: one bias for each filter, so one for each activation map.",
        "4,704 = 6·28·28": "This would be a bias for each output value. All values in a map share their filter's bias, as they share its weights.",
    },
    answer="6",
)

# %%
image, w1 = torch.zeros(1, 3, 32, 32), torch.zeros(6, 3, 5, 5)
for entries in (5, 6):
    try:
        print(f"{entries} biases: output {tuple(F.conv2d(image, w1, torch.zeros(entries)).shape)}")
    except RuntimeError as error:
        print(f"{entries} biases: {error}")

# %% [markdown]
# The slide is wrong: it needs 6. It is an easy slip, for 5 is the kernel size and stands right beside it. Two slides later it is corrected. You can find many slips like
# this if you ask of every shape: *which number is this, and where does it come from?*
#
# ## How many positions?
#
# Look at one row of 7 pixels and a filter of 3. Take one step at a time, or two, or three.

# %%
predict(
    "7 pixels, a filter of 3, a <b>stride</b> of 2: the window moves two pixels at a time. How many positions are there?",
    answer=3,
    explain="The windows start at pixels 0, 2 and 4. The last one covers 4, 5 and 6: it just fits.",
)

# %%
for stride in (1, 2, 3):
    starts = list(range(0, 7 - 3 + 1, stride))
    print(f"stride {stride}: windows start at {starts}, {len(starts)} positions;  (7 − 3) / {stride} + 1 = {(7 - 3) / stride + 1:.2f}")

# %% [markdown]
# A stride of 3 **does not fit**: the formula gives 2.33. The third window would stick out. PyTorch rounds down. It leaves this window out, and so no window ever reads the last pixel.
# You will not be warned. Move the sliders, and watch for pixels that nobody reads.

# %%
arithmetic_explorer(size=7, kernel=3, stride=3)

# %% [markdown]
# Now count starts in general. With padding, a row has $W + 2P$ pixels. A kernel of $K$ with dilation $D$ reaches over $D(K-1)+1$ of them. So the last possible start is
# pixel $W + 2P - D(K-1) - 1$. From 0 to there, in steps of $S$, there are
#
# $$W' = \left\lfloor \frac{W + 2P - D(K-1) - 1}{S} \right\rfloor + 1$$
#
# positions. $\lfloor\ \rfloor$ means: round down. With $D=1$ this is the well-known $(W - K + 2P)/S + 1$. Height works in the same way. It has nothing to do with the number of channels. Do not
# believe a formula: test it.

# %%
agree = tried = 0
for size in range(1, 15):
    for kernel in range(1, 6):
        for stride in range(1, 5):
            for padding in range(3):
                for dilation in range(1, 4):
                    formula = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
                    if formula > 0:
                        signal, weight = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
                        tried += 1
                        agree += F.conv1d(signal, weight, None, stride, padding, dilation).shape[2] == formula
print(f"PyTorch and the formula agree in {agree:,} of {tried:,} cases")

# %% [markdown]
# ## Padding, and what "same" means
#
# Without padding each layer makes the image smaller: by $K-1$ pixels at stride 1. After a few layers little is left, and pixels at the border count less than others.
# **"Same" padding** keeps the size.

# %%
predict(
    "A 5×5 filter at stride 1. How many pixels of padding on each side keep the size of the image?",
    answer=2,
    explain="5 − 1 = 4 pixels are lost, so two must be added on each side. In general P = (K − 1) / 2, for odd K.",
)

# %%
for kernel in (1, 3, 5, 7, 11):
    padding = (kernel - 1) // 2
    out = F.conv2d(torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, kernel, kernel), padding=padding)
    print(f"{kernel:2}×{kernel:<2}  padding {padding}: 32 → {out.shape[-1]}")

# %% [markdown]
# This is why kernels are nearly always odd: $(K-1)/2$ must be a whole number. With dilation it is $D(K-1)/2$. (`padding="same"` in PyTorch works for even kernels too:
# it pads one pixel more at the end than at the start.)
#
# Zeros are not free of charge, though: zero is black. Let us blur the photo twelve times, with a box of 5×5.

# %%
blur = torch.full((3, 1, 5, 5), 1 / 25)
start = torch.from_numpy(photo).unsqueeze(0)
small, same = start, start
for _ in range(12):
    small, same = F.conv2d(small, blur, groups=3), F.conv2d(same, blur, padding=2, groups=3)
fig, axes = plt.subplots(1, 3, figsize=(8, 3.2))
for ax, picture, title in zip(axes, (start, small, same), ("before", "no padding", "padding 2 (“same”)"), strict=True):
    ax.imshow(picture[0].permute(1, 2, 0).clamp(0, 1))
    ax.set_title(f"{title}\n{picture.shape[2]}×{picture.shape[3]}")
    ax.set_xlim(-0.5, 103.5), ax.set_ylim(119.5, -0.5)
    ax.set_xticks([]), ax.set_yticks([])
plots.show(
    fig,
    alt="Three pictures. The photo, 120×104. After twelve blurs without padding: 72×56, much smaller. "
    "After twelve blurs with padding 2: still 120×104, but a dark frame grows in from the border.",
)

# %% [markdown]
# Without padding we lose 4 pixels a layer, 48 in all. With "same" padding the size stays, but a dark frame grows in from the border. Every deep network has this
# border effect. It also tells the network where the border is.
#
# ## Dilation: reach further with the same weights
#
# A dilated filter leaves gaps. Nine weights stay nine weights, but they reach over 3×3, 5×5 or 7×7 pixels.

# %%
fig, axes = plt.subplots(1, 3, figsize=(8, 2.9))
for ax, dilation in zip(axes, (1, 2, 3), strict=True):
    image = torch.zeros(1, 1, 9, 9, requires_grad=True)
    y = F.conv2d(image, torch.arange(1.0, 10).reshape(1, 1, 3, 3), padding=dilation, dilation=dilation)
    y[0, 0, 4, 4].backward()
    read = image.grad[0, 0]
    ax.imshow(read > 0, cmap="Blues", vmax=2)
    for r, c in read.nonzero().tolist():
        ax.text(c, r, f"{read[r, c]:.0f}", ha="center", va="center")
    ax.set_xticks(np.arange(9) - 0.5, []), ax.set_yticks(np.arange(9) - 0.5, [])
    ax.grid(color="#bbbbbb", linewidth=0.8)
    ax.tick_params(length=0)
    ax.set_title(f"dilation {dilation}: reaches over {2 * dilation + 1}×{2 * dilation + 1}")
plots.show(fig, alt="Three grids of 9×9 pixels. Weights 1 to 9 lie side by side at dilation 1, one pixel apart at dilation 2, and two pixels apart at dilation 3.")

# %% [markdown]
# Nobody drew these by hand. The cell asked PyTorch for the gradient of the middle output with respect to each pixel: this is the weight with which the pixel is read. Remember this
# trick. It comes back soon.
#
# ## What a layer costs
#
# Three numbers matter. Let a layer have $F$ filters of $C×K×K$ and an output of $F×H'×W'$.
#
# | what | how many | why |
# |---|---|---|
# | **parameters** | $F \cdot (C K^2 + 1)$ | each filter has its weights and one bias |
# | **multiply-adds** | $F H' W' \cdot C K^2$ | each output value is a sum of $CK^2$ products |
# | **activation memory** | $4 \cdot F H' W'$ bytes | each output value is a float32 of 4 bytes |
#
# Note what is *not* there. The parameters do not depend on the size of the image. Multiply-adds and memory do.
#
# Now the layer from the beginning: 32×32×3, ten filters of 5×5, padding 2. We count nothing ourselves: we look at the arrays.

# %%
layer = nn.Conv2d(3, 10, 5, padding=2)
out = layer(torch.rand(1, 3, 32, 32))
parameters = sum(p.numel() for p in layer.parameters())
products = layer.weight[0].numel()
print(f"output         {tuple(out.shape[1:])}, so {out.numel():,} values")
print(f"parameters     {parameters:,} = 10 × ({products} + 1)")
print(f"multiply-adds  {out.numel() * products:,} = {out.numel():,} × {products}")
print(f"memory         {out.numel() * out.element_size():,} bytes for each image")

# %% [markdown]
# A multiply-add is one product and its addition to the sum. Some authors count it as two operations (FLOPs). So whenever you compare two papers, ask which of the two they count. We always count
# multiply-adds.
#
# During training the memory is what hurts: the network must keep the activations of every layer, for every image of the batch, until the backward pass has used them.
#
# Here is a small network for Fashion-MNIST. Guess before you look.

# %%
net = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(16 * 7 * 7, 10),
)  # fmt: skip
question(
    "Which layer of <code>net</code> has most parameters, and which does most multiply-adds?",
    {
        "Both: the first convolution": "It has only 8·(1·9 + 1) = 80 parameters. Its image has but one channel.",
        "Both: the second convolution": "Multiply-adds, yes: each of its 16·14·14 outputs costs 72. But it has only 1,168 parameters.",
        "Both: the linear layer": "Parameters, yes: 7,850. But it uses each of its weights just once, so it does only 7,840 multiply-adds.",
        "Parameters: the linear layer. Multiply-adds: the second convolution": "Yes. A convolution uses each weight at many positions: few parameters, much work. "
        "A linear layer uses each weight once. This is so in nearly every classic network.",
    },
    answer="Parameters: the linear layer. Multiply-adds: the second convolution",
)

# %%
architecture_table(net, (1, 28, 28))

# %% [markdown]
# Move over a number, and the table shows how it comes about. Click a heading to sort. The table works for any PyTorch module: try it with a net of your own.
#
# ## What one output sees: the receptive field
#
# An output value of a 3×3 layer sees 3×3 values of the layer before. What if that layer was a 3×3 convolution too? Then each of *those* values sees 3×3 pixels, and they overlap.
# Together they see 5×5.

# %%
fig = plots.receptive_field_diagram([3, 3, 3])
plots.show(fig, alt="Three layers of 3×3 on one row of pixels. One output value sees 3 values of the layer below, these see 5 of the next, and these see 7 pixels of the input.")

# %% [markdown]
# Each further layer adds $K-1$ pixels. So with $L$ layers of $K×K$ at stride 1, one value of the last layer sees a field of
#
# $$1 + L\,(K-1)$$
#
# pixels in each direction. This is its **receptive field** in the input. (If you read "receptive field" somewhere, check which: in the input, or in the layer before? There it is
# just $K$.)

# %%
predict(
    "How many 3×3 layers does it take until one output sees all of a 224×224 image?",
    unit="layers",
    answer=112,
    explain="1 + 2·L must be at least 224, so L is at least 111.5: 112 layers. That is too many, so real networks step: stride or pooling.",
)

# %% [markdown]
# ### Measured
#
# A pixel is in the field if the output changes when the pixel changes: if its gradient is not zero. We take real networks with random weights and ReLUs, pick the output at the
# eye on the left, and draw on the photo how strongly each pixel acts on it.


# %%
def influence(layers, image, row, column, tries=8):
    """How strongly each pixel of image (1, C, H, W) acts on one output position: mean |gradient| (H, W) over random weights."""
    total = torch.zeros(image.shape[2:])
    for seed in range(tries):
        torch.manual_seed(seed)
        x = image.clone().requires_grad_()
        y = layers()(x)
        y[0, :, row, column].sum().backward()
        total += x.grad[0].abs().sum(dim=0) / tries
    return total


def extent(gradient):
    """Height and width of the smallest box that holds every pixel with a gradient."""
    rows, columns = gradient.any(dim=1).nonzero(), gradient.any(dim=0).nonzero()
    return int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)


def deep(depth, kernel=3, width=16):
    """`depth` convolutions with ReLUs between them, all "same"."""
    layers = []
    for channels in [3] + [width] * (depth - 1):
        layers += [nn.Conv2d(channels, width, kernel, padding=kernel // 2), nn.ReLU()]
    return nn.Sequential(*layers)


# %%
face = torch.from_numpy(data.photo(80)[11:51, 14:54].copy()).permute(2, 0, 1).unsqueeze(0)
eye = (14, 12)
fig, axes = plt.subplots(1, 4, figsize=(8, 2.7))
for ax, depth in zip(axes, (1, 3, 6, 10), strict=True):
    gradient = influence(lambda depth=depth: deep(depth), face, *eye)
    field = 1 + 2 * depth
    ax.imshow(face[0].mean(dim=0), cmap="gray", alpha=0.55)
    strength = gradient / gradient.max()
    ax.imshow(strength, cmap="Oranges", vmin=-1.5, alpha=strength.sqrt().numpy())
    ax.add_patch(plt.Rectangle((eye[1] - depth - 0.5, eye[0] - depth - 0.5), field, field, fill=False, edgecolor=plots.PALETTE["blue"], linestyle="--", linewidth=2))
    ax.set_title(f"{depth} layer{'s' if depth > 1 else ''}: {field}×{field}\nmeasured {extent(gradient)[0]}×{extent(gradient)[1]}", fontsize=10)
    ax.set_xticks([]), ax.set_yticks([])
plots.show(
    fig,
    alt="Four copies of the face. Orange shows which pixels act on the output at the eye on the left, a dashed box the computed receptive field. "
    "With 1, 3, 6 and 10 layers the box grows from 3 to 7, 13 and 21 pixels. The orange fills it, but is strongest in the middle and pale at the border.",
)

# %% [markdown]
# The measured extent is the computed one. But look at the colour: in a deep stack the outer pixels hardly count. Many paths lead from the middle pixel to the output, and only one from a corner. So the *effective*
# receptive field is a soft spot, and smaller than the box [3].
#
# ### With strides it grows fast
#
# After a layer of stride 2, neighbours lie two pixels apart in the input. So each later step counts double. Call this distance the **jump** $j$. Layer by layer, from the input up:
#
# $$r \leftarrow r + D(K-1)\cdot j, \qquad j \leftarrow j \cdot S, \qquad \text{starting from } r = 1,\ j = 1$$


# %%
def strided():
    return nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2))


table = layer_table(strided(), (3, 40, 40))
gradient = influence(strided, face, 1, 1)
print(f"computed {table[-1].receptive_field.size}, measured {extent(gradient)}")
table

# %% [markdown]
# Three layers of stride 1 see 7 pixels, three of stride 2 see 15. You can try this in the stack of the explorer above.

# %%
predict(
    "With stride 1 it takes 32 layers of 3×3 to see 64 pixels. How many does it take when each has a stride of 2?",
    unit="layers",
    answer=6,
    explain="The field is 1 + 2·(1 + 2 + 4 + …): 3, 7, 15, 31, 63 and then 127. Five layers miss one pixel, six see more than enough.",
)

# %%
question(
    "Three 3×3 layers, or one 7×7 layer, both with C channels in and out: which is the better buy?",
    {
        "One 7×7: it sees more": "Both see 7×7: 1 + 3·2 = 7.",
        "One 7×7: it has fewer weights": "One 7×7 layer has 49·C² weights, three 3×3 layers have 3·9·C² = 27·C².",
        "Three 3×3: they see the same with fewer weights, and allow three ReLUs": "Yes. 27·C² weights instead of 49·C², the same field, "
        "and more non-linear steps. This is the idea of VGG (chapter 10).",
        "It makes no difference": "They see the same field, but 27·C² weights are not 49·C².",
    },
    answer="Three 3×3: they see the same with fewer weights, and allow three ReLUs",
)

# %% [markdown]
# ## Two convolutions without a ReLU are one
#
# A blur of a blur is a stronger blur. Two convolutions in a row are again *one* convolution, with a larger kernel. Here two boxes of 3×3 make one tent of 5×5.

# %%
ones = torch.ones(1, 1, 3, 3)
tent = F.conv2d(ones, ones, padding=2)
fig = plots.matrices([ones[0, 0].numpy(), ones[0, 0].numpy(), tent[0, 0].numpy()], ["then", "="], titles=["first kernel", "second kernel", "both in one"])
plots.show(fig, alt="A 3×3 kernel of ones, then another, equals one 5×5 kernel: 1 2 3 2 1 in the first row, up to 9 in the middle.")

# %% [markdown]
# The same holds for whole layers. Take the first two layers of the stack above: 3 → 6 channels with 5×5, then 6 → 10 with 3×3. Let us fold them into one layer of 10×3×7×7.
# The new kernel is a convolution of the two kernels. Its bias is what the second layer makes of the first one's bias.

# %%
first, second = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 10, 3)
with torch.no_grad():
    w = F.conv2d(first.weight.transpose(0, 1), second.weight.flip(2, 3), padding=2).transpose(0, 1)
    b = second.bias + second.weight.sum(dim=(2, 3)) @ first.bias
    x = torch.from_numpy(data.photo((32, 32))).permute(2, 0, 1).unsqueeze(0)
    one, two, with_relu = F.conv2d(x, w, b), second(first(x)), second(F.relu(first(x)))
print(f"kernel of both in one: {tuple(w.shape)}; outputs {tuple(two.shape)} and {tuple(one.shape)}")
print(f"two layers against one:        largest difference {(two - one).abs().max():.1e}")
print(f"with a ReLU between the two:   largest difference {(with_relu - one).abs().max():.1e}")

# %%
question(
    "You stack ten convolutions, with nothing between them. What have you got?",
    {
        "A deep network": "It has many layers, but they can do no more than one layer can.",
        "One convolution with a large kernel, expensively computed": "Yes. Each pair folds into one, and so all ten do. "
        "It is linear, as W₂W₁x is for matrices. A ReLU between them makes depth worth having (chapter 03).",
        "Nothing useful at all": "It is a real convolution, just no stronger than a single one with a larger kernel.",
    },
    answer="One convolution with a large kernel, expensively computed",
)

# %% [markdown]
# ## The neuron view: a convolution is a matrix
#
# Think of each output value as a **neuron**. It looks at one window only: it is *locally connected*. All neurons in a depth slice have the same weights: they *share* them. The neurons in a depth column look at the same
# window, each with weights of its own.
#
# A fully connected layer is a matrix: one row for each output, one column for each input. A convolution is such a matrix too. To see it, feed it one pixel at a time: each answer is a column.

# %%
w = torch.arange(1.0, 10).reshape(1, 1, 3, 3)
one_pixel_each = torch.eye(25).reshape(25, 1, 5, 5)
matrix = F.conv2d(one_pixel_each, w).reshape(25, 9).T
fig, ax = plt.subplots(figsize=(8, 3.6))
ax.imshow(matrix > 0, cmap="Blues", vmax=3)
for r, c in matrix.nonzero().tolist():
    ax.text(c, r, f"{matrix[r, c]:.0f}", ha="center", va="center", fontsize=9)
ax.set_xlabel("input pixel (5×5 = 25)")
ax.set_ylabel("output value (3×3 = 9)")
ax.set_xticks(range(0, 25, 5)), ax.set_yticks(range(9))
plots.show(fig, alt="A matrix of 9 rows and 25 columns. Every row holds the weights 1 to 9 in three groups of three, and each next row is shifted to the right. All else is empty.")

# %%
print(f"entries {matrix.numel()}, not zero {int((matrix != 0).sum())}, different weights {len(matrix.unique()) - 1}")
layer = nn.Conv2d(3, 6, 5)
neurons = layer_table(layer, (3, 32, 32))[-1].output_shape
neurons = int(np.prod(neurons))
products = layer.weight[0].numel()
print(f"32×32×3, six 5×5 filters: {neurons:,} neurons, each with {products} weights and a bias")
print(f"fully connected {neurons * (3 * 32 * 32 + 1):>12,} parameters")
print(f"local, unshared {neurons * (products + 1):>12,}")
print(f"convolution     {sum(p.numel() for p in layer.parameters()):>12,}")

# %% [markdown]
# A convolution is a fully connected layer that has been told two things: look nearby, and look in the same way everywhere. It need not learn them.
#
# ## 1×1: mix the channels, leave the places alone
#
# A kernel of 1×1 sounds useless. It sees one pixel. But it sees *all its channels*. So it is a small linear layer, applied to every depth column. On a colour photo it mixes colours.

# %%
mixes = {
    "as it is": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "grey": [[0.299, 0.587, 0.114]] * 3,
    "red and blue swapped": [[0, 0, 1], [0, 1, 0], [1, 0, 0]],
    "sepia": [[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]],
}
mixed = [F.conv2d(start, torch.tensor(mix).float().reshape(3, 3, 1, 1))[0].clamp(0, 1) for mix in mixes.values()]
fig = plots.image_grid(mixed, titles=mixes)
plots.show(fig, alt="The photo four times, each made by a 1×1 convolution: as it is, in grey, with red and blue swapped, and in sepia. Shapes stay, colours change.")

# %% [markdown]
# In a network it makes a stack of maps thinner, or thicker. The standard example takes 64 channels of 56×56 to 32.

# %%
predict(
    "How many parameters has a 1×1 convolution from 64 to 32 channels, with bias, on maps of 56×56?",
    answer=2080,
    explain="Each of the 32 filters has 64 weights and a bias: 32·65 = 2,080. The size of the maps does not matter.",
)

# %%
squeeze = nn.Conv2d(64, 32, 1)
columns = torch.rand(1, 64, 56, 56)
as_linear = F.linear(columns.permute(0, 2, 3, 1), squeeze.weight[:, :, 0, 0], squeeze.bias).permute(0, 3, 1, 2)
print(f"largest difference to a linear layer on each depth column: {(squeeze(columns) - as_linear).abs().max():.1e}")
layer_table(squeeze, (64, 56, 56))

# %% [markdown]
# Chapters 11 and 12 build their whole economy on this: first make the stack thin by 1×1, then do the expensive 3×3.
#
# ## Groups: not every channel must read every other
#
# In an ordinary convolution each output channel reads *all* input channels. With `groups=G` the channels are split into G groups, and each group reads only its own. With as many groups as channels each map is filtered alone: this is a **depthwise** convolution.
#
# Let us look at who reads whom. We put a signal in one input channel at a time and see which outputs answer.

# %%
variants = {
    "ordinary": nn.Conv2d(8, 8, 3, padding=1, bias=False),
    "2 groups": nn.Conv2d(8, 8, 3, padding=1, bias=False, groups=2),
    "depthwise (8 groups)": nn.Conv2d(8, 8, 3, padding=1, bias=False, groups=8),
    "depthwise, then 1×1": nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, bias=False, groups=8), nn.Conv2d(8, 8, 1, bias=False)),
}
one_channel_each = torch.eye(8)[:, :, None, None] * torch.ones(5, 5)
fig, axes = plt.subplots(1, 4, figsize=(8, 2.6))
for ax, (name, module) in zip(axes, variants.items(), strict=True):
    answers = module(one_channel_each).detach().abs().amax(dim=(2, 3)).T
    ax.imshow(answers > 0, cmap="Blues", vmin=0, vmax=1.5)
    ax.set_xticks(np.arange(8) - 0.5, []), ax.set_yticks(np.arange(8) - 0.5, [])
    ax.grid(color="white", linewidth=1.5)
    ax.tick_params(length=0)
    ax.set_xlabel("input channel")
    ax.set_title(f"{name}\n{sum(p.numel() for p in module.parameters())} weights", fontsize=10)
axes[0].set_ylabel("output channel")
plots.show(
    fig,
    alt="Four 8×8 tables of who reads whom. Ordinary: all filled, 576 weights. Two groups: two blocks on the diagonal, 288. "
    "Depthwise: only the diagonal, 72. Depthwise, then 1×1: all filled, 136.",
)

# %% [markdown]
# A depthwise filter looks around, but not across channels. A 1×1 looks across channels, but not around. One after the other they do both: this is the **depthwise separable** convolution. Here is what it saves in a layer of
# usual size.

# %%
sizes = {
    "ordinary 3×3": nn.Conv2d(64, 128, 3, padding=1, bias=False),
    "4 groups": nn.Conv2d(64, 128, 3, padding=1, bias=False, groups=4),
    "depthwise separable": nn.Sequential(nn.Conv2d(64, 64, 3, padding=1, bias=False, groups=64), nn.Conv2d(64, 128, 1, bias=False)),
}
costs = {name: layer_table(module, (64, 56, 56)).total for name, module in sizes.items()}
full = costs["ordinary 3×3"].multiply_adds
for name, cost in costs.items():
    print(f"{name:20} {cost.parameters:>7,} weights  {cost.multiply_adds:>12,} multiply-adds  {cost.multiply_adds / full:6.1%}")

# %% [markdown]
# Why? For each output value, an ordinary layer adds up $C\cdot K^2$ products. The two steps together need $K^2$ for each depthwise value and $C$ for each 1×1. So for $F$ output channels the cost is a fraction of $1/F + 1/K^2$. For 3×3 this is a bit more than a ninth. MobileNet and EfficientNet live on
# it (chapter 13).
#
# ### Separable in space
#
# There is an older kind of separable. Some kernels are a column times a row. Then you can filter the columns first and the rows next: $2K$ products for each pixel, not $K^2$.

# %%
column, row = torch.tensor([[1.0], [2], [1]]) / 4, torch.tensor([[1.0, 2, 1]]) / 4
gauss = column @ row
grey_photo = start.mean(dim=1, keepdim=True)
in_one = F.conv2d(grey_photo, gauss.reshape(1, 1, 3, 3))
in_two = F.conv2d(F.conv2d(grey_photo, column.reshape(1, 1, 3, 1)), row.reshape(1, 1, 1, 3))
print(f"Gaussian · 16:\n{(gauss * 16).int().numpy()}\nlargest difference: {(in_one - in_two).abs().max():.1e}")

# %% [markdown]
# ## Transposed: the way back up
#
# A convolution with stride 2 makes an image smaller. A **transposed** convolution makes it larger. It is the same wiring, used backwards: each *input* value stamps a copy of the kernel, times its own value, on the *output*. Where stamps overlap, they add up. Its matrix is the
# one from above, transposed. That is where the name comes from.

# %%
w = torch.arange(1.0, 10).reshape(1, 1, 3, 3)
x, y = torch.rand(1, 1, 5, 5), torch.rand(1, 1, 3, 3)
enlarged = F.conv_transpose2d(y, w)
by_matrix = (matrix.T @ y.reshape(9)).reshape(1, 1, 5, 5)
print(f"{tuple(y.shape)} → {tuple(enlarged.shape)}, largest difference to the transposed matrix: {(enlarged - by_matrix).abs().max():.1e}")
print(f"⟨conv(x), y⟩ = {(F.conv2d(x, w) * y).sum():.4f}    ⟨x, transposed(y)⟩ = {(x * enlarged).sum():.4f}")

# %% [markdown]
# Solve the size formula backwards and you get its output size:
#
# $$W' = (W - 1)\,S - 2P + D(K-1) + 1$$
#
# It gives back the *shape*, not the *values*: it is no inverse. And even the shape is not unique. Because of the rounding, 7 and 8 pixels both become 3. `output_padding` says which one you want.

# %%
down, up = nn.Conv2d(1, 1, 3, stride=2), nn.ConvTranspose2d(1, 1, 3, stride=2)
for size in (7, 8):
    small = down(torch.rand(1, 1, size, size))
    print(f"{size} → {small.shape[-1]} → {up(small).shape[-1]}, or with output_size={size}: {up(small, output_size=(size, size)).shape[-1]}")

# %% [markdown]
# ### The checkerboard
#
# Count how many stamps fall on each output pixel. At stride 2, stamps of 3×3 overlap here and not there.

# %%
counts = [F.conv_transpose2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, k, k), stride=2)[0, 0].numpy() for k in (3, 4)]
fig = plots.matrices(counts, [""], titles=["kernel 3, stride 2", "kernel 4, stride 2"])
plots.show(fig, alt="Two tables of how many stamps fall on each pixel. Kernel 3: the numbers 1, 2 and 4 alternate like a checkerboard. Kernel 4: all are 4, except at the border.")

# %%
hat = torch.from_numpy(data.photo(120)[4:40, 30:76].copy()).permute(2, 0, 1).unsqueeze(0)
pictures = {f"before: {hat.shape[2]}×{hat.shape[3]}": hat[0]}
for kernel in (3, 4):
    stamp = torch.full((3, 1, kernel, kernel), 4 / kernel**2)
    large = F.conv_transpose2d(hat, stamp, stride=2, groups=3)
    pictures[f"kernel {kernel}: {large.shape[2]}×{large.shape[3]}"] = large[0].clamp(0, 1)
fig = plots.image_grid(list(pictures.values()), titles=pictures)
plots.show(fig, alt="A part of the photo, and the same part made twice as large. With kernel 3 a pattern like a checkerboard lies over it. With kernel 4 it is smooth.")

# %% [markdown]
# You can see this pattern in many generated pictures. The cure: a kernel size that the stride divides, or a plain enlargement followed by an ordinary convolution [4].

# %%
question(
    "A transposed convolution has kernel 4, stride 2 and padding 1. The input is 14×14. How large is the output?",
    {
        "7×7": "That is what the ordinary convolution gives. The transposed one goes up.",
        "27×27": "Count again: (14 − 1)·2 − 2·1 + 3 + 1.",
        "28×28": "Yes: (14 − 1)·2 − 2·1 + 3 + 1 = 28. Kernel 4, stride 2, padding 1 doubles exactly, and without a checkerboard.",
        "30×30": "Padding takes away from the output here: 30 is without it.",
    },
    answer="28×28",
)

# %% [markdown]
# ## One dimension, three dimensions
#
# Nothing above needs two spatial dimensions. Sound has one: time. A film or a body scan has three. The filter slides in all of these, and it always spans all channels.

# %%
for module, shape in [(nn.Conv1d(3, 4, 5), (3, 100)), (nn.Conv2d(3, 4, 5), (3, 100, 100)), (nn.Conv3d(3, 4, 5), (3, 100, 100, 100))]:
    result = layer_table(module, shape)[-1]
    print(f"{result.kind}: {shape} → {result.output_shape}, weights {tuple(module.weight.shape)}, {result.multiply_adds:,} multiply-adds")

# %% [markdown]
# Here is a film of five frames. A bag stands still, a boot walks by. A 3-D filter of 2×1×1 subtracts each frame from the next one. What will it see?

# %%
boot, bag = images[0, 0], images[1, 0]
film = torch.zeros(1, 1, 5, 28, 84)
for t in range(5):
    film[0, 0, t, :, :28] = bag
    film[0, 0, t, :, 30 + 6 * t : 58 + 6 * t] += boot
change = F.conv3d(film, torch.tensor([-1.0, 1.0]).reshape(1, 1, 2, 1, 1))
print(f"film {tuple(film.shape)} → {tuple(change.shape)}")
fig, axes = plt.subplots(2, 5, figsize=(8, 1.8))
for t in range(5):
    axes[0, t].imshow(film[0, 0, t], cmap="gray")
    axes[0, t].set_title(f"frame {t}", fontsize=10)
for t in range(4):
    axes[1, t].imshow(change[0, 0, t], cmap=plots.SIGNED, vmin=-1, vmax=1)
    axes[1, t].set_title(f"{t} → {t + 1}", fontsize=10)
for ax in axes.flat:
    ax.set_axis_off()
plots.show(fig, alt="Five frames: a bag stands still on the left, a boot walks to the right. Below, the filter's four outputs: the bag is gone, the moving boot leaves a red edge in front and a blue one behind.")

# %% [markdown]
# The bag is gone: it does not move. Only motion is left.
#
# ## On one page
#
# | you want | you do |
# |---|---|
# | the output size | $\lfloor (W + 2P - D(K-1) - 1)/S \rfloor + 1$ |
# | the same size | stride 1, padding $(K-1)/2$ |
# | half the size | kernel 3, stride 2, padding 1 |
# | twice the size | transposed, kernel 4, stride 2, padding 1 |
# | a larger view | more layers: $1 + L(K-1)$; or stride; or dilation |
# | fewer or more channels | 1×1 |
# | less work | groups; depthwise, then 1×1 |
# | depth that counts | something non-linear between the layers |
#
# ## What it leads to
#
# - **Assignment 01** asks you to write these counts yourself, and **assignment 02** the layer, forward and backward.
# - Chapter 03 puts a ReLU between the layers, and pooling in place of stride.
# - Chapter 10 (VGG) builds on small stacked filters, chapter 11 (GoogLeNet) on 1×1, chapter 13 on depthwise separable ones.
#
# ## Sources
#
# 1. Justin Johnson, *Lecture 7: Convolutional Networks*, EECS 498-007, University of Michigan, 2019. The stack of three layers, the 7×7 and the 32×32 example.
# 2. Vincent Dumoulin and Francesco Visin, *A guide to convolution arithmetic for deep learning*, arXiv:1603.07285.
# 3. Wenjie Luo, Yujia Li, Raquel Urtasun and Richard Zemel, *Understanding the Effective Receptive Field in Deep Convolutional Neural Networks*, NIPS 2016, arXiv:1701.04128.
# 4. Augustus Odena, Vincent Dumoulin and Chris Olah, *Deconvolution and Checkerboard Artifacts*, Distill 2016.
# 5. André Araujo, Wade Norris and Jack Sim, *Computing Receptive Fields of Convolutional Neural Networks*, Distill 2019.
# 6. Min Lin, Qiang Chen and Shuicheng Yan, *Network In Network*, ICLR 2014, arXiv:1312.4400: the 1×1 convolution.
# 7. Stanford CS231n, *Convolutional Neural Networks*: the neuron view, depth slice and depth column.
# 8. Photo: Grace Hopper, US Navy, public domain. Clothes: Fashion-MNIST, © Zalando SE, MIT licence.
