"""BS-RoFormer and Mel-Band RoFormer in numpy and float64, on checkpoints with the names of their authors' code.

Written from the papers (arXiv 2309.02612 and 2310.01809) and the layout of published checkpoints, band by band and
head by head, without a line of the networks that it tests.
"""

import numpy as np
from scipy.special import erf, expit


def separate(state, audio, *, bands, num_bins, hop, window, heads, blocks, inner, targets, **options):
    """Estimates the targets.

    Args:
        state: names and arrays.
        audio: (batch, channels, samples), a whole number of hops.
        bands: the bins of each band.
        num_bins: number of bins.
        hop: samples.
        window: samples of the window and the transform.
        heads: of attention.
        blocks: number of them.
        inner: layers of each transformer over time, and over bands.
        targets: number of them.
        options: `skip`, `polar`, `zero_dc`.
    """
    state = {name: np.float64(array) for name, array in state.items()}
    batch, channels, samples = audio.shape
    spectrum = stft(np.float64(audio), hop, window)  # (batch, channels, bins, frames)
    frames, hann = spectrum.shape[-1], hann_window(window)
    features = []
    for k, bins in enumerate(bands):
        part = spectrum[:, :, bins].transpose(0, 3, 2, 1)  # (batch, frames, bins, channels)
        part = np.stack([part.real, part.imag], axis=-1).reshape(batch, frames, -1)
        name = f"band_split.to_features.{k}"
        part = norm(part, state[f"{name}.0.gamma"])
        features.append(part @ state[f"{name}.1.weight"].T + state[f"{name}.1.bias"])
    x, outputs = np.stack(features, axis=2), []
    for i in range(blocks):
        for earlier in outputs if options.get("skip") else []:
            x = x + earlier
        x = transformer(state, f"layers.{i}.0", x.swapaxes(1, 2), heads, inner[0], options.get("polar")).swapaxes(1, 2)
        x = transformer(state, f"layers.{i}.1", x, heads, inner[1], options.get("polar"))
        outputs.append(x)
    if "final_norm.gamma" in state:
        x = norm(x, state["final_norm.gamma"])
    estimates = []
    for s in range(targets):
        mask = np.zeros((batch, frames, num_bins, channels), complex)
        for k, bins in enumerate(bands):
            mask[:, :, bins] += band_mask(state, f"mask_estimators.{s}.to_freqs.{k}.0", x[:, :, k], channels)
        counts = np.bincount(np.concatenate(bands), minlength=num_bins)
        masked = spectrum * (mask / counts[:, None]).transpose(0, 3, 2, 1)
        if options.get("zero_dc", True):
            masked[:, :, 0] = 0
        estimates.append(istft(masked, hop, hann, samples))
    return np.stack(estimates, axis=1)


def transformer(state, name, x, heads, depth, polar):
    for j in range(depth):
        x = x + attention(state, f"{name}.layers.{j}.0", x, heads, polar)
        x = x + feedforward(state, f"{name}.layers.{j}.1.net", x)
    return norm(x, state[f"{name}.norm.gamma"]) if f"{name}.norm.gamma" in state else x


def attention(state, name, x, heads, polar):
    y = norm(x, state[f"{name}.norm.gamma"])
    query, key, value = np.split(y @ state[f"{name}.to_qkv.weight"].T, 3, axis=-1)
    gates = expit(y @ state[f"{name}.to_gates.weight"].T + state[f"{name}.to_gates.bias"])
    size, found = value.shape[-1] // heads, []
    step = np.arange(x.shape[-2])[:, None]
    for head in range(heads):
        q, k, v = (part[..., head * size : (head + 1) * size] for part in (query, key, value))
        if polar:
            angle = step * 10000.0 ** (-np.arange(size) / size)
            shift = np.clip(state[f"{name}.pope_embed.bias"][head], -2 * np.pi, 0)
            q, k = np.logaddexp(0, q) * np.exp(1j * angle), np.logaddexp(0, k) * np.exp(1j * (angle + shift))
        else:
            turn = np.exp(1j * step * 10000.0 ** (-2 * np.arange(size // 2) / size))
            q, k = ((part[..., ::2] + 1j * part[..., 1::2]) * turn for part in (q, k))
        scores = (q @ k.conj().swapaxes(-1, -2)).real / np.sqrt(size)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        found.append(weights / weights.sum(-1, keepdims=True) @ v * gates[..., head, None])
    return np.concatenate(found, axis=-1) @ state[f"{name}.to_out.0.weight"].T


def feedforward(state, name, x):
    x = norm(x, state[f"{name}.0.gamma"]) @ state[f"{name}.1.weight"].T + state[f"{name}.1.bias"]
    x = x * (1 + erf(x / np.sqrt(2))) / 2
    return x @ state[f"{name}.4.weight"].T + state[f"{name}.4.bias"]


def band_mask(state, name, x, channels):
    """The complex mask (batch, frames, bins, channels) of one band."""
    numbers = sorted({int(key.removeprefix(name).split(".")[1]) for key in state if key.startswith(f"{name}.")})
    for number in numbers:
        x = x @ state[f"{name}.{number}.weight"].T + state[f"{name}.{number}.bias"]
        x = np.tanh(x) if number != numbers[-1] else x
    value, gate = np.split(x, 2, axis=-1)
    parts = (value * expit(gate)).reshape(*x.shape[:2], -1, channels, 2)
    return parts[..., 0] + 1j * parts[..., 1]


def norm(x, gamma):
    length = np.maximum(np.sqrt((x**2).sum(-1, keepdims=True)), 1e-12)
    return x / length * np.sqrt(x.shape[-1]) * gamma


def hann_window(size):
    return np.sin(np.pi * np.arange(size) / size) ** 2


def stft(audio, hop, window):
    padded = np.pad(audio, [(0, 0), (0, 0), (window // 2, window // 2)], mode="reflect")
    starts = range(0, padded.shape[-1] - window + 1, hop)
    return np.stack([np.fft.rfft(padded[..., s : s + window] * hann_window(window)) for s in starts], axis=-1)


def istft(spectrum, hop, hann, samples):
    window, frames = len(hann), spectrum.shape[-1]
    total = np.zeros((*spectrum.shape[:2], window + hop * (frames - 1)))
    power = np.zeros(total.shape[-1])
    for frame in range(frames):
        part = slice(frame * hop, frame * hop + window)
        total[..., part] += np.fft.irfft(spectrum[..., frame], window) * hann
        power[part] += hann**2
    return (total / np.maximum(power, 1e-11))[..., window // 2 : window // 2 + samples]
