"""The commands, one file to each: `command` in it is the command; a folder is a group."""
