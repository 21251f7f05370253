"""The runs that people schedule and start: pull, compute, plan, apply, report; the command line and the settings."""
