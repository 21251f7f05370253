"""Pages that are made for people: one file each, which works offline."""
