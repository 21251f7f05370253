"""Names and texts of the made customers, one TOML file a language. All people, companies and domains are invented."""
