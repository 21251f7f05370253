"""What speaks against somebody still being in their job, and for it: the signs and their weights, how long people stay, where signs are found."""
