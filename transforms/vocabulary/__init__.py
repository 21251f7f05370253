"""The words that all layers share: tables, fields, changes and errors. Nothing here computes."""
