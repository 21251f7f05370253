"""Whether two records are of one human: addresses, names and profiles made comparable, and the evidence that joins records of two CRMs."""
