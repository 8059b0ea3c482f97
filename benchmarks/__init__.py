"""What the library costs beside raw HTTP libraries and vendors' SDKs: `make bench`."""
