"""Observers that run through a whole scenario and write down what they see; one a file."""
