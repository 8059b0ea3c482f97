"""The Retell adapter of telephony-core; it registers through `telephony_retell.plugin` and imports nothing itself."""
