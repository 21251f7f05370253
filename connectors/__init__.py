"""The roads to the CRMs: one protocol, the same three files each, no orchestrator, no storage."""
