"""telephony-core for vox.ai: phone numbers and SIP trunks over the v3 REST API.

Nothing is imported here: `telephony_vox.plugin` registers the provider, and the rest is loaded when it is used.
"""
