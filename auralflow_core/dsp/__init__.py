"""Signal processing in numpy: windows, transforms, filters, streams, overlap-add."""
