"""The words of all keywords, numbered, and which of them a word of a text stands for."""

from __future__ import annotations

from watcher.rules.fold import fold_word, forms


class Vocabulary:
    """Numbers (from 1) of the words that keywords are made of: folded, exact, or a beginning.

    Words may be added at any time; numbers do not change. `folded` numbers a folded word, which
    stands for its plural and singular too, when it is first asked for it.
    """

    def __init__(self) -> None:
        self.folded = _Folded(self)
        self._by_form: dict[str, tuple[int, ...]] = {}
        self._exact: dict[str, int] = {}
        self._beginnings: dict[str, int] = {}
        self._lengths: tuple[int, ...] = ()
        self.size = 0

    def add_exact(self, word: str) -> int:
        """The number of a word in just this spelling."""
        return self._exact.get(word) or self._exact.setdefault(word, self._next())

    def add_beginning(self, letters: str) -> int:
        """The number of all folded words that begin with `letters`."""
        number = self._beginnings.get(letters)
        if number is None:
            number = self._beginnings[letters] = self._next()
            if len(letters) not in self._lengths:
                self._lengths = tuple(sorted((*self._lengths, len(letters))))
        return number

    def put(self, word: str) -> int:
        """File a folded word under a new number."""
        number = self._next()
        for form in forms(word):
            self._by_form[form] = (*self._by_form.get(form, ()), number)
        return number

    def _next(self) -> int:
        self.size += 1
        return self.size

    def meant_by(self, spelling: str) -> tuple[int, ...]:
        """The numbers that a word of a text, as it is spelled there, stands for."""
        word = fold_word(spelling)
        found: dict[int, None] = {}
        for form in forms(word):
            found |= dict.fromkeys(self._by_form.get(form, ()))
        if exact := self._exact.get(spelling):
            found[exact] = None
        for length in self._lengths:
            if length > len(word):
                break
            if beginning := self._beginnings.get(word[:length]):
                found[beginning] = None
        return tuple(sorted(found))


class _Folded(dict[str, int]):
    """A dictionary, so that words are looked up in bulk without a call for each."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self._vocabulary = vocabulary

    def __missing__(self, word: str) -> int:
        number = self[word] = self._vocabulary.put(word)
        return number
