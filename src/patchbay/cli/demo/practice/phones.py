"""Phone numbers as people type them: one column, a dozen formats, and some that are no numbers at all."""

from __future__ import annotations

from random import Random

# Numbers 555-0100 to 555-0199 are kept for fiction in every area code, so none of these rings anywhere.
_AREA_CODES = """
    201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 239 240 248 251 252 253
    254 256 260 262 267 269 270 276 281 301 302 303 304 305 307 308 309 310 312 313 314 315 316 317 318 319 320 321 323
    325 330 334 336 337 347 351 352 360 361 386 401 402 404 405 406 407 408 409 410 412 413 414 415 417 419 423 425 432
    434 435 440 443 469 478 479 480 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518 520 530 540 541 551 559
    561 562 563 567 570 571 573 574 580 585 586 601 602 603 605 606 607 608 609 610 612 614 615 616 617 618 619 620 623
"""
AREA_CODES = tuple(int(code) for code in _AREA_CODES.split())

_COMMON = ("({a}) 555-{l}", "{a}-555-{l}", "{a}555{l}", "+1{a}555{l}")
_SEEN = ("{a}.555.{l}", "1-{a}-555-{l}", "+1 {a} 555 {l}", "{a} 555 {l}", "({a})555-{l}", "+1 ({a}) 555-{l}")
_NO_NUMBER = ("n/a", "unknown", "call office", "see notes", "-", "0000000000", "ask for Bob")


def national_number(index: int) -> tuple[int, str]:
    """The area code and last four digits of the ``index``-th of the 14,000 or so numbers there are; all are different."""
    return AREA_CODES[index % len(AREA_CODES)], f"01{index // len(AREA_CODES) % 100:02d}"


def as_typed(area: int, last: str, rnd: Random) -> str | None:
    """One number the way somebody typed it: often one of four usual formats, sometimes with an extension, nothing, or junk."""
    dice = rnd.random()
    if dice < 0.02:
        return None
    if dice < 0.03:
        return rnd.choice(_NO_NUMBER)
    if dice < 0.04:
        return f"555-{last}"
    text = rnd.choice(_COMMON if dice < 0.85 else _SEEN).format(a=area, l=last)
    if dice > 0.985:
        return text + rnd.choice((" x{e}", " ext. {e}", " ext {e}")).format(e=rnd.randint(2, 899))
    return text
