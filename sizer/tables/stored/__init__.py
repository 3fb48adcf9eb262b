"""Bytes go in, and stand in a file or a folder whole or not at all; the manifest beside them says what they must be.

Begin with `files`, which writes under a temporary name and renames. `folders` does the same on other machines'
disks, `integrity` checks a table against its manifest, and `provenance` says which words of a manifest count.
"""
