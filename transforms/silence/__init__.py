"""The chance to hear back: what was known on past days, a model that learns from it, its calibration, and its card. See docs/silence.md."""
