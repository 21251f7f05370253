"""The HubSpot side of the sandbox: its records, its rules, its answers."""
