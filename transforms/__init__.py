"""What every field and task means: tables in, tables out, without I/O, clock or orchestrator."""
