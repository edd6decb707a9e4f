"""Tantivy, which `make bench` alone installs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import tantivy

from benchmarks.subscribers import Subscriber
from watcher.models import Paper


class Tantivy:
    """One boolean query of phrase queries a rule, on an index in memory."""

    def __init__(self, papers: Sequence[Paper], subscribers: Iterable[Subscriber]) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("title")
        builder.add_text_field("text")
        builder.add_integer_field("upvotes", indexed=True, fast=True)
        self._schema = builder.build()
        self._index = tantivy.Index(self._schema)
        writer = self._index.writer(num_threads=1)  # one segment: papers keep their order
        for paper in papers:
            # No phrase goes from one value of a field to the next.
            text = [paper.title, paper.abstract or ""]
            writer.add_document(
                tantivy.Document(title=paper.title, text=text, upvotes=paper.upvotes or 0)
            )
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._limit = max(1, len(papers))
        self._queries = [self._query(one) for one in subscribers]

    def matches(self) -> Iterator[list[int]]:
        searcher = self._index.searcher()
        for query in self._queries:
            result = searcher.search(query, self._limit, count=False)
            yield [address.doc for _, address in result.hits]

    def _query(self, rule: Subscriber) -> tantivy.Query:
        field = "title" if rule.is_title_only else "text"
        occur, query = tantivy.Occur, tantivy.Query
        any_ = query.boolean_query([(occur.Should, self._phrase(field, one)) for one in rule.any])
        parts = [(occur.Must, any_)]
        parts += [(occur.Must, self._phrase(field, one)) for one in rule.all]
        parts += [(occur.MustNot, self._phrase(field, one)) for one in rule.none]
        if rule.min_upvotes:
            votes = query.range_query(
                self._schema, "upvotes", tantivy.FieldType.Integer, rule.min_upvotes, None
            )
            parts.append((occur.Must, votes))
        return query.boolean_query(parts) if len(parts) > 1 else any_

    def _phrase(self, field: str, keyword: str) -> tantivy.Query:
        words: list[str | tuple[int, str]] = [*keyword.strip('"*').split()]
        if keyword.endswith("*"):
            if len(words) == 1:
                return tantivy.Query.regex_query(self._schema, field, f"{words[0]}.*")
            return tantivy.Query.phrase_prefix_query(self._schema, field, words)
        if len(words) == 1:
            return tantivy.Query.term_query(self._schema, field, words[0], "basic")
        return tantivy.Query.phrase_query(self._schema, field, words)
