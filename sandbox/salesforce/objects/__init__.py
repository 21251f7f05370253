"""Tables of the standard objects, their fields, values and child relationships; sandbox.salesforce.standard reads them."""
