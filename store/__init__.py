"""The lake and the journal: what was read from the CRMs, how far we are, and what we wrote. Tables on Delta Lake."""
