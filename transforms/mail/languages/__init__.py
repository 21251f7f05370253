"""The phrases that decide, one data file a language, each with examples that are tests. To add a language, add a file."""
