"""The Diga adapter of telephony-core; it registers through `telephony_diga.plugin` and imports nothing by itself."""
