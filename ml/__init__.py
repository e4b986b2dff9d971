"""Faces and expressions: what is known of images, and nothing of Django."""
