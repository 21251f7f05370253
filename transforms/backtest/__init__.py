"""The past played again: what the fields would have said on days gone by, and what then happened. See docs/backtest.md."""
