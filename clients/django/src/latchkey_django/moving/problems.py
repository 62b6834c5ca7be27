"""What an export could not take along, or what needs a decision before the move."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Report:
    """Problems end a command with exit code 1; notes and counts do not. None of them has a secret."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def problem(self, text: str) -> None:
        self.problems.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def count(self, name: str) -> None:
        self.counts[name] += 1
