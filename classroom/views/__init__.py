"""The pages of set-up, courses, joining and accounts: each view parses, calls a rule, answers."""
