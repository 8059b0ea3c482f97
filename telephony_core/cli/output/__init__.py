"""What commands print: tables, records, capabilities, text that a terminal can be trusted with."""
