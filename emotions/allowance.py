"""How much one socket may send: so many messages a second, with some in hand for a burst."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Allowance:
    """A token bucket; the clock is the caller's."""

    per_s: float
    burst: float
    left: float = -1.0
    at: float = 0.0

    def spend(self, now: float) -> bool:
        """Whether one more is within the allowance."""
        if self.left < 0:
            self.left = self.burst
        else:
            self.left = min(self.burst, self.left + (now - self.at) * self.per_s)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True
