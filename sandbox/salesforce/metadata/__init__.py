"""The Metadata API over SOAP: custom fields, permission sets and list views, one call at a time or as a deployed archive."""
