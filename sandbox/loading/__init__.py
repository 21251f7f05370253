"""Turns canonical tables into the records of a HubSpot portal that has grown over the years."""
