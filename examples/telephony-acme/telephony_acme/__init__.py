"""An example adapter, for the invented vendor Acme Voice; it registers through `telephony_acme.plugin`."""
