"""Networks of plain layers, K at once: every layer's forward and backward pass written out as batched products."""
