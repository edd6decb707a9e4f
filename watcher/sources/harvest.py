"""The papers of one answer while they are gathered."""

from __future__ import annotations

from dataclasses import dataclass, field

from watcher.models import Paper, Skipped

MAX_PAPERS = 1_000


@dataclass(slots=True)
class Harvest:
    """Papers in their order, each once; what could not be read; and what was odd about it."""

    _papers: dict[str, Paper] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    _flaws: dict[str, dict[str, None]] = field(default_factory=dict)

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The papers so far."""
        return tuple(self._papers.values())

    def add(self, paper: Paper) -> None:
        """Take a paper in; of two records of one paper the later completes the earlier."""
        known = self._papers.get(paper.id)
        self._papers[paper.id] = known.merged_with(paper) if known else paper

    def skip(self, position: int, reason: str) -> None:
        """Note a record that is no paper."""
        self.skipped.append(Skipped(position, reason))

    def flaw(self, paper_id: str, flaw: str) -> None:
        """Note that a part of a record was not sound and is left out."""
        self._flaws.setdefault(flaw, {})[paper_id] = None

    def notes(self) -> tuple[str, ...]:
        """One sentence for each kind of flaw."""
        return tuple(
            f"{flaw} in {len(ids)} record{'s' * (len(ids) > 1)}, first in {next(iter(ids))}"
            for flaw, ids in self._flaws.items()
        )
