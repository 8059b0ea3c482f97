"""Is a connection well, and does its vendor still speak as documented?"""
