"""Optimizers beside Adam, one file each; a file that is here is registered."""
