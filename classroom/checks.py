"""System checks: refuse shapes that cannot work, and say the line to change."""
