"""Text that people read and write: files, documents with a check sum, characters that cannot be seen."""
