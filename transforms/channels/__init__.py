"""By which way people are heard: what is counted over all customers, and the odds for each person and way."""
