"""The networks that converters of other projects do not take."""

# (network, kind of file) -> a pattern of the reason. All others are exported and agree with the model.
REFUSED = {
    ("MelBandRoformer", "tflite"): "its runtime does not take what was converted: RuntimeError: Only update, Add",
    (
        "SCNet",
        "executorch",
    ): "ExecuTorch does not take this network: RuntimeError: Output node .* already in the inputs",
    ("SpleeterNet", "tflite"): "LiteRT's converter does not take this network: .*convolution",
    ("TFCTDF", "tflite"): "LiteRT's converter does not take this network: ",
}
