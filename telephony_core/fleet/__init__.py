"""Many worker machines on one PostgreSQL: journals, plans and paces that they share. Needs the extra ``fleet``."""
