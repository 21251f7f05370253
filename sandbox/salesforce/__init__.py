"""A Salesforce org on this machine: what the vendor enforces, enforced."""
