"""Whole-number arithmetic as ``$((…))`` does it."""

from __future__ import annotations


def whole_number(pieces: list[str]) -> int | None:
    """Whole-number arithmetic with the shell's precedence; None for anything that is no sum."""
    output: list[int] = []
    pending: list[str] = []
    rank = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2}

    def apply() -> None:
        sign = pending.pop()
        right, left = output.pop(), output.pop()
        if sign in "/%":
            quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
            output.append(quotient if sign == "/" else left - quotient * right)
        else:
            output.append(left + right if sign == "+" else left - right if sign == "-" else left * right)

    try:
        for piece in pieces:
            if piece.isdigit():
                output.append(int(piece[:18]))
            elif piece == "(":
                pending.append(piece)
            elif piece == ")":
                while pending[-1] != "(":
                    apply()
                pending.pop()
            else:
                while pending and rank.get(pending[-1], 0) >= rank[piece]:
                    apply()
                pending.append(piece)
        while pending:
            apply()
    except (IndexError, ZeroDivisionError, KeyError):
        return None
    return output[0] if len(output) == 1 else None
