"""What everything speaks: numbers, SIP settings, agents and their life cycle. No vendor, no I/O."""
