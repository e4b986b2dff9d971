"""What the teacher and the admin see: the live page, history, status."""
