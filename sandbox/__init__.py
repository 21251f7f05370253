"""A HubSpot on loopback, faithful to the real one: for the demo, for tests and for trials. It is never imported by production code."""
