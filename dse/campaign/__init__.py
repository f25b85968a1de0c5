"""Campaigns: the file that asks (`spec`), where its keys stand (`positions`), and what has happened (`state`)."""
