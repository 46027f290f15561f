"""Sans-IO codecs, driven by the shapes, in both directions."""
