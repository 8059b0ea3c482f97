"""The ElevenLabs adapter of telephony-core; it registers through `telephony_elevenlabs.plugin` and imports nothing."""
