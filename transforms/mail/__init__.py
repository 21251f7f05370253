"""Reading mail: what a bounce, an automatic reply or a sentence of farewell says, and what it does not."""
