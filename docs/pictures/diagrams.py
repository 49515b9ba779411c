"""Draws the packages, a mask at work, and the networks: `python docs/pictures/diagrams.py`."""

from drawing import AMBER, BLUE, GREEN, GREY, ROSE, Drawing


def packages() -> None:
    """The five packages and which may import which."""
    drawing = Drawing(720, 500, "The five packages: imports run down only")
    drawing.box(60, 20, 600, 84, "auralflow", "the command, the functions, pretrained models", fill=ROSE)
    drawing.box(60, 144, 600, 84, "bridge", "weights from one framework to the other", fill=AMBER)
    drawing.box(60, 268, 285, 84, "auralflow_jax", "training and use", fill=BLUE)
    drawing.box(375, 268, 285, 84, "auralflow_torch", "the same, as nn.Module", fill=GREEN)
    drawing.box(60, 392, 600, 84, "auralflow_core", "settings, audio, data, metrics: no framework", fill=GREY)
    for x, top, bottom in ((360, 104, 142), (202, 228, 266), (517, 228, 266), (202, 352, 390), (517, 352, 390)):
        drawing.arrow((x, top), (x, bottom))
    drawing.save("packages.svg")


def masking() -> None:
    """The path of a signal through a model of spectrograms."""
    drawing = Drawing(720, 430, "From a mixture to a stem by a mask")
    drawing.box(20, 30, 180, 84, "mixture", "samples", fill=GREY)
    drawing.box(270, 30, 180, 84, "STFT", "spectrum X", fill=BLUE)
    drawing.box(520, 30, 180, 84, "network", "sees |X|", fill=AMBER)
    drawing.box(520, 173, 180, 84, "mask M", "0 to 1 per cell", fill=AMBER)
    drawing.box(270, 173, 180, 84, "M × X", "keeps X's phase", fill=GREEN)
    drawing.box(270, 316, 180, 84, "inverse STFT", fill=BLUE)
    drawing.box(20, 316, 180, 84, "stem", "samples", fill=GREY)
    drawing.arrow((200, 72), (268, 72))
    drawing.arrow((450, 72), (518, 72))
    drawing.arrow((610, 114), (610, 171))
    drawing.arrow((520, 215), (452, 215))
    drawing.arrow((360, 114), (360, 171))
    drawing.arrow((360, 257), (360, 314))
    drawing.arrow((270, 358), (202, 358))
    drawing.save("masking.svg")


def unet() -> None:
    """The U-Net of the spectrogram networks, with what its variants add at the bottom."""
    drawing = Drawing(720, 620, "The U-Net of the spectrogram networks")
    channels = (16, 32, 64, 128, 256)
    drawing.text(110, 30, "magnitudes in", bold=True)
    drawing.text(610, 30, "mask out", bold=True)
    height, gap, top = 54, 22, 56
    for level, count in enumerate(channels):
        y, inset = top + level * (height + gap), 22 * level
        drawing.box(20 + inset, y, 180, height, f"{count} channels", fill=BLUE, size=20)
        drawing.box(520 - inset, y, 180, height, f"{count} channels", fill=GREEN, size=20)
        drawing.arrow((200 + inset, y + height / 2), (518 - inset, y + height / 2), dashed=True)
        if level:
            drawing.arrow((110 + inset - 11, y - gap), (110 + inset - 11, y - 2))
            drawing.arrow((610 - inset + 11, y), (610 - inset + 11, y - gap + 2))
    bottom = top + len(channels) * (height + gap) + 24
    drawing.box(230, bottom, 260, height, "512 channels", fill=AMBER, size=20)
    drawing.arrow((198, bottom - 46), (198, bottom + height / 2), (228, bottom + height / 2))
    drawing.arrow((490, bottom + height / 2), (522, bottom + height / 2), (522, bottom - 44))
    drawing.text(360, 38, "dashed: skip connections", size=19)
    drawing.text(360, bottom + height + 26, "Down: half the bins and frames, twice the channels.", size=19)
    drawing.text(360, bottom + height + 54, "Before the 512 channels: LSTM adds recurrent layers;", size=19)
    drawing.text(360, bottom + height + 80, "VAE adds a latent variable, then the recurrent layers.", size=19)
    drawing.save("unet.svg")


if __name__ == "__main__":
    packages()
    masking()
    unet()
