"""Polynomials in named variables: what a count is of the fields that vary.

The wiring of a network is done once on polynomials instead of numbers, like terms are added up, and what is left is
evaluated with a fraction of the work: per box, instead of per tensor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from types import CodeType
from typing import Any

Monomial = tuple[str, ...]
"""The variables of a product, sorted, each as often as its power."""
_DOT = "\N{MIDDLE DOT}"
"""Stands in Python text for the dot within a variable's name; it may stand in a name there, and in none of ours."""


class UnsettledError(ArithmeticError):
    """A question that cannot be left open: its answer depends on variables, so that their values must be known.

    Attributes:
        variables: whose values must be known.
    """

    def __init__(self, variables: Iterable[str]) -> None:
        self.variables = frozenset(variables)
        super().__init__(f"not the same for all values of {', '.join(sorted(self.variables))}")


class Polynomial:
    """A sum of products of named variables, all of them above 0, with whole coefficients."""

    __slots__ = ("terms",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, terms: Mapping[Monomial, int]) -> None:
        """Hold the terms; those with coefficient 0 are left out."""
        self.terms = {monomial: factor for monomial, factor in terms.items() if factor}

    def _with(self, terms: Mapping[Monomial, int]) -> Polynomial:
        """Return a polynomial of the same kind."""
        return Polynomial(terms)

    def __add__(self, other: Polynomial | int) -> Polynomial:
        """Return the sum."""
        found = Counter(self.terms)
        for monomial, factor in _terms(other).items():
            found[monomial] += factor
        return self._with(found)

    __radd__ = __add__

    def __sub__(self, other: Polynomial | int) -> Polynomial:
        """Return the difference."""
        return self + -1 * polynomial(other)

    def __rsub__(self, other: int) -> Polynomial:
        """Return the difference."""
        return -1 * self + other

    def __mul__(self, other: Polynomial | int) -> Polynomial:
        """Return the product."""
        found: Counter[Monomial] = Counter()
        for first, factor in self.terms.items():
            for second, by in _terms(other).items():
                found[tuple(sorted(first + second))] += factor * by
        return self._with(found)

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        """Return whether it is a number, and that one; variables are above 0, so no sum of them is 0."""
        constant = self.terms.get((), 0)
        return set(self.terms) <= {()} and constant == other

    def degree(self, variable: str) -> int:
        """Return the highest power of a variable."""
        return max((monomial.count(variable) for monomial in self.terms), default=0)

    def variables(self) -> set[str]:
        """Return the variables that occur."""
        return {name for monomial in self.terms for name in monomial}

    def split(self, variable: str) -> list[Polynomial]:
        """Return the coefficients, polynomials in the other variables, of each power of a variable from 0 up."""
        found: list[dict[Monomial, int]] = [{} for _ in range(self.degree(variable) + 1)]
        for monomial, factor in self.terms.items():
            rest = tuple(name for name in monomial if name != variable)
            found[len(monomial) - len(rest)][rest] = factor
        return [Polynomial(terms) for terms in found]

    def nested(self) -> str:
        """Return the polynomial as Python text with few operations: what most terms share is multiplied once."""
        uses = Counter(name for monomial in self.terms for name in set(monomial))
        if not uses:
            return str(self.terms.get((), 0))
        variable = max(sorted(uses), key=uses.__getitem__)
        text = ""
        for coefficient in reversed(self.split(variable)):
            inner = coefficient.nested()
            if text:
                text = f"({text}) * {variable}" if " + " in text else f"{text} * {variable}"
                text += "" if inner == "0" else f" + {inner}"
            else:
                text = inner if coefficient.is_plain() else f"({inner})"
        return text

    def is_plain(self) -> bool:
        """Return whether the polynomial is one term."""
        return len(self.terms) <= 1

    def compiled(self) -> Callable[[Mapping[str, Any]], Any]:
        """Return a function from the variables' values, ints or arrays, to the polynomial's."""
        code = compiled_text(self.nested())
        return lambda values: evaluated(code, values)

    def divided(self, by: Polynomial | int) -> Any:
        """Return a quotient that is whole whatever the variables are.

        Raises:
            UnsettledError: it depends on their values whether it is.
        """
        if isinstance(by, int):
            if any(factor % by for factor in self.terms.values()):
                raise UnsettledError(self.names())
            return self._with({monomial: factor // by for monomial, factor in self.terms.items()})
        first = next(iter(by.terms), ())
        quotient, rest = divmod(self.terms.get(first, 0), by.terms.get(first, 1))
        if rest or (self - by * quotient).terms:
            raise UnsettledError(self.names() | by.names())
        return quotient

    def names(self) -> set[str]:
        """Return the variables that occur, those within comparisons too."""
        return {name for variable in self.variables() for name in names_in(compiled_text(variable))}


class Symbolic(Polynomial):
    """A polynomial in variables of 0 and above; a comparison that is not settled becomes a variable of 0 and 1."""

    __slots__ = ("positive",)
    __hash__ = None

    def __init__(self, terms: Mapping[Monomial, int], positive: frozenset[str]) -> None:
        """Hold the terms, and the names of the variables that are never 0."""
        super().__init__(terms)
        self.positive = positive

    def _with(self, terms: Mapping[Monomial, int]) -> Symbolic:
        return Symbolic(terms, self.positive)

    def __eq__(self, other: object) -> Any:
        """Return whether it equals a number or another polynomial: a truth, or a variable named for the comparison."""
        assert isinstance(other, (int, Polynomial))
        difference = self - other
        terms = difference.terms
        if set(terms) <= {()}:
            return not terms
        signs = {factor > 0 for factor in terms.values()}
        if len(signs) == 1 and any(self.positive.issuperset(monomial) for monomial in terms):
            return False
        # Times 1: it must be a number, since a sum of truths is a truth.
        return self._with({(f"(1 * ({difference.nested()} == 0))",): 1})


def compiled_text(text: str) -> CodeType:
    """Return the code of a text of whole numbers, `+`, `*`, `==` and names of variables, which may have dots in them."""
    return compile(text.replace(".", _DOT), "<polynomial>", "eval")


def names_in(code: CodeType) -> list[str]:
    """Return the variables in a code."""
    return [name.replace(_DOT, ".") for name in code.co_names]


def evaluated(code: CodeType, values: Mapping[str, Any]) -> Any:
    """Return what a code of `compiled_text` gives."""
    given = {name: values[name.replace(_DOT, ".")] for name in code.co_names}
    return eval(code, {"__builtins__": {}}, given)


def polynomial(value: Polynomial | int) -> Polynomial:
    """Return a number as a polynomial."""
    return value if isinstance(value, Polynomial) else Polynomial({(): int(value)})


def _terms(value: Polynomial | int) -> Mapping[Monomial, int]:
    return polynomial(value).terms
