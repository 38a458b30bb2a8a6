"""Reads a text that is an answer, LaTeX or plain, into a tree: all of it, or not at all.

normalize (one spelling) -> structure (lists, sets, words) with relations and units -> parse (one expression) -> shapes
"""
